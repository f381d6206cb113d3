"""The base of every data set of labelled sequences: splits, coder, batches, and what bounds the figures."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader

from seqlab.data.batches import LabelledBatch
from seqlab.data.few_items import few_items, few_of_a_class
from seqlab.data.labelled import LabelledDataset, LabelledItems, SequenceCoder, label_ids
from seqlab.data.labelled_contract import coder_state
from seqlab.data.loaders import IndexBatches, TokenLimit, batch_loader
from seqlab.data.module import ByLengthModule, Profile
from seqlab.data.sources import Files, Source, check_counts, one_file
from seqlab.data.splits import check_filled, group_numbers, parts_by_label
from seqlab.errors import UserError
from seqlab.results.intervals import FEW

CLASS_WEIGHTS = ("none", "balanced")


class LabelledData(ByLengthModule):
    """Sequences with a label each. A data set says how a file is read, its sample drawn, its coder fitted.

    Args:
        path: one file, split by ``split`` label by label; equal sequences go to the same split, whatever
            their labels, unless the data set says otherwise.
        train, val, test: instead of it, splits that are already made; without ``val`` a share of train is
            cut off. A val part that is cut off counts each sequence once: a few frequent ones would decide.
        split: shares of train, val and test of the distinct sequences of each label.
        sample: settings of the synthetic sequences.
        min_count: tokens seen less often in training are UNK.
        boundaries: sequences are read with a mark before and after.
        max_length: tokens of a sequence that are read.
        class_weights: ``balanced`` weighs each label in the training loss by N / (C times its sequences).
        batch_size: sequences a batch.
        bucketing: training batches of sequences of similar length.
        scoring_batch_size: sequences a batch when nothing is learned.
        batch_tokens: the most tokens a batch, padding counted.
        seed: of the split and of the order of batches.

    Raises:
        UserError: for a setting out of range; at ``setup``, for files that cannot be read or do not fit.
    """

    batch_type: ClassVar[type] = LabelledBatch
    equal_together: ClassVar[bool] = True  # equal sequences go to the same split
    noun: str  # what one sequence is called: name, text, session
    coder: SequenceCoder

    def __init__(
        self,
        *,
        path: Files | None = None,
        train: Files | None = None,
        val: Files | None = None,
        test: Files | None = None,
        split: Sequence[float] = (0.7, 0.1, 0.2),
        sample: dict[str, Any] | None = None,
        min_count: int = 1,
        boundaries: bool = True,
        max_length: int = 256,
        class_weights: str = "none",
        batch_size: int = 64,
        bucketing: bool = True,
        scoring_batch_size: int = 512,
        batch_tokens: int = 65_536,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_counts(min_count=min_count, max_length=max_length)
        if class_weights not in CLASS_WEIGHTS:
            raise UserError(f"data.class_weights={class_weights}: choose {', '.join(CLASS_WEIGHTS)}")
        self.source = Source(path=path, train=train, val=val, test=test, split=split)
        self.sample = dict(sample or {})
        self.min_count = min_count
        self.boundaries = boundaries
        self.max_length = max_length
        self.weighting = class_weights
        self.batch_size = batch_size
        self.bucketing = bucketing
        self.scoring_batch_size = scoring_batch_size
        self.batch_tokens = batch_tokens
        self.seed = seed
        self._datasets: dict[str, LabelledDataset] = {}

    @abstractmethod
    def read(self, path: str | Path) -> LabelledItems:
        """The sequences of a file and their labels."""

    def simulate(self) -> LabelledItems:
        """The embedded sample, where no file is given; adds to ``notices`` that it is synthetic.

        Raises:
            UserError: this data set has none.
        """
        raise UserError(f"{type(self).__name__} has no sample: give data.path, or data.train and data.test")

    @abstractmethod
    def fit_coder(self, train: LabelledItems) -> SequenceCoder:
        """The coder, its vocabulary counted in the training split."""

    def coder_settings(self, train: LabelledItems) -> dict[str, Any]:
        """What every coder is given."""
        return {
            "labels": tuple(sorted(set(train.labels))),
            "noun": self.noun,
            "boundaries": self.boundaries,
            "max_length": self.max_length,
        }

    def load_splits(self) -> None:
        splits = self.source.load(self._read, self.simulate, self._divide)
        if self.source.val is None and self.equal_together:
            splits["val"] = splits["val"].distinct()
        self._splits = self.locked(splits)
        if self.source.cuts_train:
            distinct = " distinct" if self.equal_together else ""
            kept = f"{len(splits['val']):,}{distinct} {self.train_unit}"
            self.notices.append(f"no data.val: {kept} of data.train are kept for it")
        train = splits["train"]
        _check_two_labels(train)
        self._check_labels(splits)
        self.coder = self.fit_coder(train)
        self._tell_of_items(splits)

    def _read(self, name: str, path: Files) -> LabelledItems:
        return self.read(one_file(name, path))

    def _divide(self, items: LabelledItems, shares: Sequence[float], origin: str) -> list[LabelledItems]:
        """Divide the sequences of each label by seed."""
        _check_two_labels(items)
        groups = group_numbers(items.texts if self.equal_together else range(len(items)))
        parts = parts_by_label(items.labels, shares, self.seed, groups=groups)
        distinct = "distinct " if self.equal_together else ""
        what = f"{origin}: {groups.max() + 1} {distinct}{self.train_unit} of {len(set(items.labels))} labels"
        check_filled(parts, shares, what)
        return [items.take(part) for part in parts]

    def _check_labels(self, splits: dict[str, LabelledItems]) -> None:
        """Raise UserError where val or test holds a label that training lacks."""
        known = set(splits["train"].labels)
        shown = ", ".join(sorted(known)[:20]) + (", ..." if len(known) > 20 else "")
        for split in ("val", "test"):
            part = splits[split]
            for label, line in zip(part.labels, part.lines.tolist(), strict=True):
                if label not in known:
                    raise UserError(
                        f"{part.source}, line {line}: label {label!r} is not in training; its labels: {shown}"
                    )

    def _tell_of_items(self, splits: dict[str, LabelledItems]) -> None:
        """Count what bounds the figures; of the test split it is counts for the reader, no decision."""
        test = splits["test"]
        ambiguous, things = splits["train"].num_ambiguous(), self.train_unit
        if ambiguous:
            self.notices.append(
                f"{ambiguous:,} training {things} occur with more than one label: nothing could tell them "
                "apart (oracle/accuracy_ceiling is the best possible accuracy on the test split)"
            )
        cut = sum(
            len(self.coder.tokens(text)) > self.max_length for part in splits.values() for text in part.texts
        )
        if cut:
            self.notices.append(
                f"{cut:,} {things} are longer than data.max_length={self.max_length} {self.coder.unit}s "
                "and were cut"
            )
        counts = {name: len(splits[name]) for name in ("val", "test")}
        self.notices += few_items(things, counts)
        if counts["test"] >= FEW:
            seen = Counter(test.labels)
            self.notices += few_of_a_class(things, "labels", {name: seen[name] for name in self.coder.labels})

    @property
    def train_unit(self) -> str:  # type: ignore[override]
        """What batches count: names, texts, sessions."""
        return f"{self.noun}s"

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
        """Weight of each label in the training loss, of mean 1 over the training split; None: all alike."""
        if self.weighting == "none":
            return None
        counts = np.bincount(label_ids(self._splits["train"].labels, self.coder.labels))
        return (counts.sum() / (len(counts) * counts)).tolist()

    def state(self) -> dict[str, Any]:
        return {"coder": coder_state(self.coder)}

    def items(self, split: str) -> LabelledItems:
        """The sequences of a split.

        Raises:
            TestSetLockedError: the test split before ``open_test``.
        """
        self.check_access(split)
        return self._splits[split]

    def dataset(self, split: str) -> LabelledDataset:
        """The split as batches are gathered from it."""
        items = self.items(split)
        if split not in self._datasets:
            self._datasets[split] = LabelledDataset(items.texts, self.coder, items.labels)
        return self._datasets[split]

    def scored(self, split: str) -> Iterator[tuple[Tensor, LabelledBatch]]:
        """(B,) row numbers of ``items(split)`` and their batch, until each row was given once."""
        dataset = self.dataset(split)
        for rows in self.scoring_batches(split):
            yield rows, dataset[rows]

    def train_dataloader(self) -> DataLoader[Any]:
        dataset = self.dataset("train")
        limit = TokenLimit(dataset.lengths, self.batch_tokens)
        lengths = dataset.lengths if self.bucketing else None
        batches = IndexBatches(len(dataset), self.batch_size, seed=self.seed, lengths=lengths, limit=limit)
        return batch_loader(dataset, batches)

    def learned_from(self) -> str:
        return f"{len(self._splits['train']):,} {self.train_unit} of {len(self.coder.labels)} labels"

    def profile(self, split: str) -> Profile:
        dataset = self.dataset(split)
        return Profile(
            self.train_unit,
            self.items(split).texts,
            (dataset.lengths - 2 * self.coder.boundaries).numpy(),
            dataset.holding(self.coder.vocabulary.unk),
            f"{self.coder.unit}s that the vocabulary lacks",
        )

    def fitted_on(self) -> dict[str, str]:
        return {"vocabulary and labels": f"{len(self._splits['train']):,} training {self.train_unit}"}

    def split_rule(self) -> str:
        return self.source.split_rule(self.seed)

    def write_files(self, folder: Path) -> None:
        """Write vocabulary.txt, the tokens, and labels.txt, readable text."""
        self.coder.vocabulary.save(folder / "vocabulary.txt")
        (folder / "labels.txt").write_text("\n".join(self.coder.labels) + "\n", encoding="utf-8")

    def facts(self) -> list[tuple[str, str]]:
        """What the data is, in numbers, for the report. Reads no test sequence."""
        rows = []
        for split in ("train", "val"):
            part = self._splits[split]
            said = f"{len(part):,}, {len(set(part.texts)):,} of them distinct"
            rows.append((f"{split} {self.train_unit}", said))
        tokens = [token for text in self._splits["val"].texts for token in self.coder.tokens(text)]
        unknown = self.coder.vocabulary.ids(tokens).count(self.coder.vocabulary.unk) / max(len(tokens), 1)
        said = f"{len(self.coder.vocabulary):,}, 4 of them special; {unknown:.1%} of val's are unknown"
        rows.append((f"{self.coder.unit}s", said))
        rows.append(("labels", f"{len(self.coder.labels)}: {', '.join(self.coder.labels)}"))
        return rows


def _check_two_labels(items: LabelledItems) -> None:
    if len(set(items.labels)) < 2:
        raise UserError(
            f"{items.source}: the only label in it is {items.labels[0]}; classifying takes at least two"
        )
