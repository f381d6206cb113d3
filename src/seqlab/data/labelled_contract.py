"""What classification reads of a data module and of its coder, and the check of both before training.

``LabelledData`` of labelled_data.py fulfils it; any other data module that gives LabelledBatch may as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, Self

from torch import Tensor

from seqlab.contracts import check_members, check_plain, full_name
from seqlab.data.batches import LabelledBatch
from seqlab.data.coders import check_coder
from seqlab.data.labelled import Counting, LabelledItems, NewItems
from seqlab.errors import UserError

CLASS = "class"  # of a coder's state: where `seqlab predict` finds its class


class Coder(Protocol):
    """How sequences become numbers. Its state is in the checkpoint: predicting needs no more of the data."""

    @property
    def labels(self) -> tuple[str, ...]:
        """(C,) the classes, in the order of their ids."""

    @property
    def noun(self) -> str:
        """What one sequence is called: name, text, session."""

    @property
    def unit(self) -> str:
        """What one token is called: character, word, event."""

    @property
    def counting(self) -> Counting:
        """How baselines count."""

    @property
    def pad_id(self) -> int:
        """What fills a batch."""

    def encode(self, text: str) -> list[int]:
        """Token ids of a sequence as its file writes it, at least one."""

    def counted(self, text: str) -> list[str]:
        """Its tokens as baselines count and the report shows them."""

    def read_new(self, path: Path) -> NewItems:
        """The sequences of a file that `seqlab predict` is given.

        Raises:
            UserError: a file that cannot be read or holds none; names the line.
        """

    def state(self) -> dict[str, Any]:
        """Plain values."""

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The same coder again."""


class LabelledModule(Protocol):
    """A data module whose sequences can be classified, judged, reported and predicted."""

    @property
    def coder(self) -> Coder:
        """How its sequences become numbers."""

    @property
    def sizes(self) -> dict[str, int]:
        """At least vocab_size, pad_id, unk_id and num_classes."""

    @property
    def train_unit(self) -> str:
        """What a training batch counts, in the plural: names, texts, sessions."""

    def items(self, split: str) -> LabelledItems:
        """The sequences of a split, as their files write them, with their labels.

        Raises:
            TestSetLockedError: the test split before ``open_test``.
        """

    def scored(self, split: str) -> Iterator[tuple[Tensor, LabelledBatch]]:
        """(B,) row numbers of ``items(split)`` and their batch, until each row was given once."""

    def facts(self) -> list[tuple[str, str]]:
        """What the data is, in words and numbers, for the report."""

    def state(self) -> dict[str, Any]:
        """Plain values for the checkpoint; under ``coder`` what ``coder_state`` gives."""


def coder_state(coder: Coder) -> dict[str, Any]:
    """A coder's state, and which class reads it."""
    return coder.state() | {CLASS: full_name(coder)}


def check_labelled(datamodule: Any) -> None:
    """Refuse a data module that could not be judged, reported or predicted from, before it is trained on.

    Raises:
        UserError: a missing member, no or too few labels, a state that is not plain or from which the coder
            does not come back; names it, and what to do.
    """
    who, reader = full_name(datamodule), "judging a classifier"
    check_members(datamodule, LabelledModule, reader, "derive from seqlab.data.labelled_data.LabelledData")
    coder = datamodule.coder
    remedy = "derive from seqlab.data.labelled.SequenceCoder"
    check_members(coder, Coder, reader, remedy, who=f"{who}.coder")
    sizes, items = datamodule.sizes, datamodule.items("train")
    missing = [name for name in ("vocab_size", "pad_id", "unk_id", "num_classes") if name not in sizes]
    if missing:
        raise UserError(f"{who}.sizes has no {missing[0]}; it has {', '.join(sizes)}")
    if len(coder.labels) != sizes["num_classes"]:
        raise UserError(
            f"{who}: coder.labels are {len(coder.labels)}, sizes['num_classes'] is "
            f"{sizes['num_classes']}; give a label for each class"
        )
    unknown = sorted(set(items.labels) - set(coder.labels))
    if unknown:
        raise UserError(
            f"{who}: items('train') has label {unknown[0]!r}, which coder.labels "
            f"({', '.join(map(str, coder.labels))}) lacks"
        )
    state = datamodule.state()
    check_plain(state, f"{who}.state()")
    stored = state.get("coder")
    if not isinstance(stored, dict) or CLASS not in stored:
        raise UserError(
            f"{who}.state() has no 'coder' with a {CLASS!r}, by which `seqlab predict` reads new files; put "
            "{'coder': coder_state(self.coder)} into it, with coder_state of seqlab/data/labelled_contract.py"
        )
    again = check_coder(coder, items.texts[0], stored)
    if again.labels != coder.labels:
        raise UserError(f"{full_name(coder)}.from_state(state()) is another coder: it has other labels")
