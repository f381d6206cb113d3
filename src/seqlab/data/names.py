"""DataModule of labelled names or texts: from CSV or TSV files, or synthetic names when no file is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch.utils.data import DataLoader

from seqlab.data.batches import NameBatch
from seqlab.data.few_items import FEW, few_items, few_of_a_class
from seqlab.data.module import IndexBatches, SequenceDataModule, TokenLimit, batch_loader, batches_by_length
from seqlab.data.name_batches import UNITS, NameCoder, NameDataset
from seqlab.data.name_files import LabelledNames, read_labelled_names
from seqlab.data.name_splits import divide_names
from seqlab.data.splits import check_fractions
from seqlab.errors import UserError

CLASS_WEIGHTS = ("none", "balanced")
MAX_LENGTHS = {"character": 64, "word": 256}


class Names(SequenceDataModule):
    """Names or texts with labels: from the user's files, or synthetic names when no file is given.

    Args:
        path: one CSV or TSV of name,label, plain or gzipped, split by ``split`` label by label; equal names
            go to the same split, whatever their labels.
        train, val, test: instead of it, splits that are already made; without ``val`` a share of train is
            cut off. A val part that is cut off counts each name once: a few frequent ones would decide.
        split: shares of train, val and test of the distinct names of each label.
        columns: what the columns of text and label are headed; null: name, text or sentence, and label.
        sample: ``num_names`` and ``seed`` of the synthetic names.
        unit: ``character``, or ``word``: words and single punctuation marks, for texts.
        min_count: characters or words seen less often in training are UNK.
        lower: read in lower case.
        ascii: letters lose their accents, and what is still no ASCII character is UNK.
        boundaries: names are read with a mark before and after.
        max_length: characters or words of a name that are read; null: 64 characters, 256 words.
        class_weights: ``balanced`` weighs each label in the training loss by N / (C times its names).
        batch_size: names a batch.
        bucketing: training batches of names of similar length.
        scoring_batch_size: names a batch when nothing is learned.
        batch_tokens: the most characters a batch, padding counted.
        seed: of the split and of the order of batches.

    Raises:
        UserError: for a setting out of range; at ``setup``, for files that cannot be read or do not fit.
    """

    batch_type: ClassVar[type] = NameBatch

    def __init__(
        self,
        *,
        path: str | Path | None = None,
        train: str | Path | None = None,
        val: str | Path | None = None,
        test: str | Path | None = None,
        split: Sequence[float] = (0.7, 0.1, 0.2),
        columns: Sequence[str] | None = None,
        sample: dict[str, Any] | None = None,
        unit: str = "character",
        min_count: int = 1,
        lower: bool = False,
        ascii: bool = False,
        boundaries: bool = True,
        max_length: int | None = None,
        class_weights: str = "none",
        batch_size: int = 64,
        bucketing: bool = True,
        scoring_batch_size: int = 512,
        batch_tokens: int = 65_536,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if unit not in UNITS:
            raise UserError(f"data.unit={unit}: choose {' or '.join(UNITS)}")
        max_length = MAX_LENGTHS[unit] if max_length is None else max_length
        for name, value in (("min_count", min_count), ("max_length", max_length)):
            if not isinstance(value, int) or value < 1:
                raise UserError(f"data.{name}={value}: give a whole number, at least 1")
        if columns is not None and (isinstance(columns, str) or len(columns) != 2):
            raise UserError(f"data.columns={columns}: give two, of text and label, as [review,sentiment]")
        if class_weights not in CLASS_WEIGHTS:
            raise UserError(f"data.class_weights={class_weights}: choose {', '.join(CLASS_WEIGHTS)}")
        self.path = path
        self.files = {"train": train, "val": val, "test": test}
        self.split = check_fractions(split)
        self.columns = columns
        self.sample = dict(sample or {})
        self.unit = unit
        self.min_count = min_count
        self.lower = lower
        self.ascii = ascii
        self.boundaries = boundaries
        self.max_length = max_length
        self.weighting = class_weights
        self.batch_size = batch_size
        self.bucketing = bucketing
        self.scoring_batch_size = scoring_batch_size
        self.batch_tokens = batch_tokens
        self.seed = seed
        self._datasets: dict[str, NameDataset] = {}

    def load_splits(self) -> None:
        given = [name for name, file in self.files.items() if file is not None]
        if self.path is not None and given:
            raise UserError(
                f"data.path and data.{given[0]} exclude each other: give one file, or data.train and "
                "data.test"
            )
        if self.path is not None:
            parts = self._divide(self._read(self.path), self.split, "data.path")
            self._splits = dict(zip(("train", "val", "test"), parts, strict=True))
        elif given:
            self._splits = self._given_splits()
        else:
            self._splits = self._simulate()
        if self.files["val"] is None:
            self._splits["val"] = self._splits["val"].distinct()
        train = self._splits["train"]
        if len(set(train.labels)) < 2:
            raise UserError(
                f"{train.source}: the only label in it is {train.labels[0]}; classifying takes at least two"
            )
        self._check_labels()
        self.coder = NameCoder.fit(
            train,
            unit=self.unit,
            ascii=self.ascii,
            lower=self.lower,
            boundaries=self.boundaries,
            max_length=self.max_length,
            min_count=self.min_count,
        )
        self._tell_of_names()

    def _given_splits(self) -> dict[str, LabelledNames]:
        train, val, test = (self.files[name] for name in ("train", "val", "test"))
        if train is None or test is None:
            missing = "train" if train is None else "test"
            raise UserError(f"data.{missing} is missing: give both data.train and data.test, or data.path")
        parts = {"train": self._read(train), "test": self._read(test)}
        if val is not None:
            parts["val"] = self._read(val)
        else:
            parts["train"], parts["val"] = self._divide(parts["train"], self.split[:2], "data.train")
            kept = len(parts["val"].distinct())
            self.notices.append(
                f"no data.val: {kept:,} distinct {self.train_unit} of data.train are kept for it"
            )
        return {name: parts[name] for name in ("train", "val", "test")}

    def _read(self, path: str | Path) -> LabelledNames:
        return read_labelled_names(path, self.columns)

    def _simulate(self) -> dict[str, LabelledNames]:
        if self.unit == "word":
            raise UserError(
                "data.unit=word without a file: the sample is names, one word each; give data.path=, or "
                "data.train= and data.test="
            )
        from seqlab.data.samples.names import SYNTHETIC_NOTICE, simulate_names

        self.notices.append(SYNTHETIC_NOTICE)
        parts = self._divide(simulate_names(**self.sample), self.split, "data.sample")
        return dict(zip(("train", "val", "test"), parts, strict=True))

    def _divide(self, names: LabelledNames, shares: Sequence[float], origin: str) -> list[LabelledNames]:
        return divide_names(names, shares, self.seed, origin=origin, things=self.train_unit)

    def _check_labels(self) -> None:
        """Raise UserError where val or test holds a label that training lacks."""
        known = set(self._splits["train"].labels)
        for split in ("val", "test"):
            part = self._splits[split]
            for label, line in zip(part.labels, part.lines.tolist(), strict=True):
                if label not in known:
                    raise UserError(
                        f"{part.source}, line {line}: label {label!r} is not in training; its labels: "
                        f"{', '.join(sorted(known))}"
                    )

    def _tell_of_names(self) -> None:
        """Count what bounds the figures; of the test names it is counts for the reader, no decision."""
        train, test = self._splits["train"], self._splits["test"]
        ambiguous, names = train.num_ambiguous(), self.train_unit
        if ambiguous:
            self.notices.append(
                f"{ambiguous:,} training {names} occur with more than one label: nothing could tell them "
                "apart (oracle/accuracy_ceiling is the best possible accuracy on the test split)"
            )
        known = set(zip(train.names, train.labels, strict=True))
        shared = sum(pair in known for pair in zip(test.names, test.labels, strict=True))
        if shared:
            self.notices.append(
                f"{shared:,} of {len(test):,} test {names} occur with the same label in training, as the "
                "files were given"
            )
        cut = sum(
            len(self.coder.tokens(name)) > self.max_length
            for part in self._splits.values()
            for name in part.names
        )
        if cut:
            self.notices.append(
                f"{cut:,} {names} are longer than data.max_length={self.max_length} {self.coder.unit_name} "
                "and were cut"
            )
        counts = {name: len(self._splits[name]) for name in ("val", "test")}
        self.notices += few_items(names, counts)
        if counts["test"] >= FEW:
            seen = Counter(test.labels)
            self.notices += few_of_a_class(names, "labels", {name: seen[name] for name in self.coder.labels})

    @property
    def train_unit(self) -> str:  # type: ignore[override]
        """What batches count, names or texts."""
        return f"{UNITS[self.unit][1]}s"

    @property
    def sizes(self) -> dict[str, int]:
        vocabulary = self.coder.vocabulary
        return {
            "vocab_size": len(vocabulary),
            "pad_id": vocabulary.pad,
            "unk_id": vocabulary.unk,
            "num_classes": len(self.coder.labels),
        }

    @property
    def class_weights(self) -> list[float] | None:
        """Weight of each label in the training loss, of mean 1 over the training names; None: all alike."""
        if self.weighting == "none":
            return None
        counts = np.bincount(self.coder.label_ids(self._splits["train"].labels))
        return (counts.sum() / (len(counts) * counts)).tolist()

    def state(self) -> dict[str, Any]:
        return {"coder": self.coder.state(), "columns": None if self.columns is None else list(self.columns)}

    def names(self, split: str) -> LabelledNames:
        """The names of a split.

        Raises:
            TestSetLockedError: the test split before ``open_test``.
        """
        self.check_access(split)
        return self._splits[split]

    def dataset(self, split: str) -> NameDataset:
        """The split as batches are gathered from it."""
        names = self.names(split)
        if split not in self._datasets:
            self._datasets[split] = NameDataset(names.names, self.coder, names.labels)
        return self._datasets[split]

    def scoring_batches(self, split: str) -> IndexBatches:
        """Row numbers, by length: little of a batch is padding."""
        lengths = self.dataset(split).lengths
        return batches_by_length(
            lengths, self.scoring_batch_size, self.batch_tokens, seed=self.seed, shuffle=False
        )

    def train_dataloader(self) -> DataLoader[Any]:
        dataset = self.dataset("train")
        limit = TokenLimit(dataset.lengths, self.batch_tokens)
        lengths = dataset.lengths if self.bucketing else None
        batches = IndexBatches(len(dataset), self.batch_size, seed=self.seed, lengths=lengths, limit=limit)
        return batch_loader(dataset, batches)

    def val_dataloader(self) -> DataLoader[Any]:
        return batch_loader(self.dataset("val"), self.scoring_batches("val"))

    def test_dataloader(self) -> DataLoader[Any]:
        return batch_loader(self.dataset("test"), self.scoring_batches("test"))

    def write_files(self, folder: Path) -> None:
        """Write vocabulary.txt, the characters or words, and labels.txt, readable text."""
        self.coder.vocabulary.save(folder / "vocabulary.txt")
        (folder / "labels.txt").write_text("\n".join(self.coder.labels) + "\n", encoding="utf-8")

    def facts(self) -> list[tuple[str, str]]:
        """What the data is, in numbers, for the report. Reads no test name."""
        rows = []
        for split in ("train", "val"):
            part = self._splits[split]
            said = f"{len(part):,}, {len(set(part.names)):,} of them distinct"
            rows.append((f"{split} {self.train_unit}", said))
        tokens = [token for name in self._splits["val"].names for token in self.coder.tokens(name)]
        unknown = self.coder.vocabulary.ids(tokens).count(self.coder.vocabulary.unk) / max(len(tokens), 1)
        said = f"{len(self.coder.vocabulary):,}, 4 of them special; {unknown:.1%} of val's are unknown"
        rows.append((self.coder.unit_name, said))
        rows.append(("labels", f"{len(self.coder.labels)}: {', '.join(self.coder.labels)}"))
        return rows
