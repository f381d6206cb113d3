"""DataModule of labelled names: from CSV files, or synthetic when no file is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch.utils.data import DataLoader

from seqlab.data.batches import NameBatch
from seqlab.data.module import IndexBatches, SequenceDataModule, batch_loader, batches_by_length
from seqlab.data.name_batches import NameCoder, NameDataset
from seqlab.data.name_files import LabelledNames, read_labelled_names
from seqlab.data.splits import check_fractions
from seqlab.errors import UserError

CLASS_WEIGHTS = ("none", "balanced")


class Names(SequenceDataModule):
    """Names with labels: from the user's files, or synthetic when no file is given.

    Args:
        path: one CSV of name,label, plain or gzipped, split by ``split`` label by label; equal names go to
            the same split, whatever their labels.
        train, val, test: instead of it, splits that are already made; without ``val`` a share of train is
            cut off. A val part that is cut off counts each name once: a few frequent ones would decide.
        split: shares of train, val and test of the distinct names of each label.
        sample: ``num_names`` and ``seed`` of the synthetic names.
        ascii: letters lose their accents, and what is still no ASCII character is UNK.
        boundaries: names are read with a mark before and after.
        max_characters: characters of a name that are read.
        class_weights: ``balanced`` weighs each label in the training loss by N / (C times its names).
        batch_size: names a batch.
        scoring_batch_size: names a batch when nothing is learned.
        batch_tokens: the most characters a batch, padding counted.
        seed: of the split and of the order of batches.

    Raises:
        UserError: for a setting out of range; at ``setup``, for files that cannot be read or do not fit.
    """

    batch_type: ClassVar[type] = NameBatch
    train_unit: ClassVar[str] = "names"

    def __init__(
        self,
        *,
        path: str | Path | None = None,
        train: str | Path | None = None,
        val: str | Path | None = None,
        test: str | Path | None = None,
        split: Sequence[float] = (0.7, 0.1, 0.2),
        sample: dict[str, Any] | None = None,
        ascii: bool = False,
        boundaries: bool = True,
        max_characters: int = 64,
        class_weights: str = "none",
        batch_size: int = 64,
        scoring_batch_size: int = 512,
        batch_tokens: int = 65_536,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not isinstance(max_characters, int) or max_characters < 1:
            raise UserError(f"data.max_characters={max_characters}: give a whole number, at least 1")
        if class_weights not in CLASS_WEIGHTS:
            raise UserError(f"data.class_weights={class_weights}: choose {', '.join(CLASS_WEIGHTS)}")
        self.path = path
        self.files = {"train": train, "val": val, "test": test}
        self.split = check_fractions(split)
        self.sample = dict(sample or {})
        self.ascii = ascii
        self.boundaries = boundaries
        self.max_characters = max_characters
        self.weighting = class_weights
        self.batch_size = batch_size
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
            parts = self._divide(read_labelled_names(self.path), "data.path", self.split)
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
            train, ascii=self.ascii, boundaries=self.boundaries, max_characters=self.max_characters
        )
        self._tell_of_names()

    def _given_splits(self) -> dict[str, LabelledNames]:
        train, val, test = (self.files[name] for name in ("train", "val", "test"))
        if train is None or test is None:
            missing = "train" if train is None else "test"
            raise UserError(f"data.{missing} is missing: give both data.train and data.test, or data.path")
        parts = {"train": read_labelled_names(train), "test": read_labelled_names(test)}
        if val is not None:
            parts["val"] = read_labelled_names(val)
        else:
            parts["train"], parts["val"] = self._divide(parts["train"], "data.train", self.split[:2])
            kept = len(parts["val"].distinct())
            self.notices.append(f"no data.val: {kept:,} distinct names of data.train are kept for it")
        return {name: parts[name] for name in ("train", "val", "test")}

    def _simulate(self) -> dict[str, LabelledNames]:
        from seqlab.data.samples.names import SYNTHETIC_NOTICE, simulate_names

        self.notices.append(SYNTHETIC_NOTICE)
        parts = self._divide(simulate_names(**self.sample), "data.sample", self.split)
        return dict(zip(("train", "val", "test"), parts, strict=True))

    def _divide(self, names: LabelledNames, what: str, shares: Sequence[float]) -> list[LabelledNames]:
        """Split the distinct names of each label by seed; every copy of a name goes where the name goes.

        A name's label is here the one that it has most often. A label of too few names for every split is in
        the first.
        """
        numbers: dict[str, int] = {}
        kinds = np.array([numbers.setdefault(name, len(numbers)) for name in names.names])
        seen: list[Counter[str]] = [Counter() for _ in numbers]
        for kind, label in zip(kinds.tolist(), names.labels, strict=True):
            seen[kind][label] += 1
        labels = np.array([counts.most_common(1)[0][0] for counts in seen])
        rng = np.random.default_rng(self.seed)
        part_of_kind = np.zeros(len(numbers), dtype=np.int64)
        for label in sorted(set(labels)):
            own = rng.permutation(np.flatnonzero(labels == label))
            place = 0
            for part in range(len(shares) - 1, 0, -1):
                size = int(len(own) * shares[part] / sum(shares) + 0.5)
                size = min(size, len(own) - place - 1)  # one at least for training
                part_of_kind[own[place : place + size]] = part
                place += size
        # a label that only names of another label have may stand outside the first part: training needs it
        copies = list(zip(kinds.tolist(), names.labels, strict=True))
        known = {label for kind, label in copies if part_of_kind[kind] == 0}
        for kind, label in copies:
            if label not in known:
                part_of_kind[kind] = 0
                known |= set(seen[kind])
        parts = [names.take(np.flatnonzero(part_of_kind[kinds] == part)) for part in range(len(shares))]
        if min(map(len, parts)) == 0:
            raise UserError(
                f"{what}: {len(numbers)} distinct names of {len(set(labels))} labels are too few for a split "
                f"of {list(shares)}"
            )
        return parts

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
        ambiguous = train.num_ambiguous()
        if ambiguous:
            self.notices.append(
                f"{ambiguous:,} training names occur with more than one label: nothing could tell them apart "
                "(oracle/accuracy_ceiling is the best possible accuracy on the test names)"
            )
        known = set(zip(train.names, train.labels, strict=True))
        shared = sum(pair in known for pair in zip(test.names, test.labels, strict=True))
        if shared:
            self.notices.append(
                f"{shared:,} of {len(test):,} test names occur with the same label in training, as the files "
                "were given"
            )
        cut = sum(len(name) > self.max_characters for part in self._splits.values() for name in part.names)
        if cut:
            self.notices.append(
                f"{cut:,} names are longer than data.max_characters={self.max_characters} and were cut"
            )

    @property
    def sizes(self) -> dict[str, int]:
        characters = self.coder.characters
        return {
            "vocab_size": len(characters),
            "pad_id": characters.pad,
            "unk_id": characters.unk,
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
        return {"coder": self.coder.state()}

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
        batches = batches_by_length(dataset.lengths, self.batch_size, self.batch_tokens, seed=self.seed)
        return batch_loader(dataset, batches)

    def val_dataloader(self) -> DataLoader[Any]:
        return batch_loader(self.dataset("val"), self.scoring_batches("val"))

    def test_dataloader(self) -> DataLoader[Any]:
        return batch_loader(self.dataset("test"), self.scoring_batches("test"))

    def write_files(self, folder: Path) -> None:
        """Write vocabulary.txt, the characters, and labels.txt, readable text."""
        self.coder.characters.save(folder / "vocabulary.txt")
        (folder / "labels.txt").write_text("\n".join(self.coder.labels) + "\n", encoding="utf-8")

    def facts(self) -> list[tuple[str, str]]:
        """What the data is, in numbers, for the report. Reads no test name."""
        rows = []
        for split in ("train", "val"):
            part = self._splits[split]
            rows.append((f"{split} names", f"{len(part):,}, {len(set(part.names)):,} of them distinct"))
        rows.append(("characters", f"{len(self.coder.characters):,}, 4 of them special"))
        rows.append(("labels", f"{len(self.coder.labels)}: {', '.join(self.coder.labels)}"))
        return rows
