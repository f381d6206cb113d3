"""Data modules of other packages: what they lack is told before anything is trained."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch
from torch import Tensor

from seqlab.contracts import members
from seqlab.data.batches import LabelledBatch
from seqlab.data.labelled import Counting, LabelledItems, NewItems
from seqlab.data.labelled_contract import Coder, LabelledModule, check_labelled, coder_state
from seqlab.data.labelled_data import LabelledData
from seqlab.data.labelled_events import LabelledEvents
from seqlab.data.labelled_text import LabelledText, Names
from seqlab.errors import UserError

COUNTING = Counting(longest_gram=1, endings=False, telling=True)
READINGS = LabelledItems(("1 2", "2 2", "9"), ("low", "low", "high"), np.arange(1, 4), "here")


@dataclass
class Numbers:
    """A coder that inherits nothing: sequences of numbers from 1."""

    labels: tuple[str, ...] = ("high", "low")
    noun: str = "reading"
    unit: str = "number"
    counting: Counting = COUNTING
    pad_id: int = 0

    def encode(self, text: str) -> list[int]:
        return [int(number) for number in text.split()]

    def counted(self, text: str) -> list[str]:
        return text.split()

    def read_new(self, path: Path) -> NewItems:
        return NewItems(path.read_text(encoding="utf-8").splitlines(), None, 0)

    def state(self) -> dict[str, Any]:
        return {"labels": list(self.labels)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        return cls(tuple(state["labels"]))


class Readings:
    """A data module that inherits nothing."""

    train_unit = "readings"

    def __init__(self) -> None:
        self.coder: Any = Numbers()
        self.sizes = {"vocab_size": 10, "pad_id": 0, "unk_id": 1, "num_classes": 2}

    def items(self, split: str) -> LabelledItems:
        return READINGS

    def scored(self, split: str) -> Iterator[tuple[Tensor, LabelledBatch]]:
        for row, text in enumerate(READINGS.texts):
            tokens = torch.tensor([self.coder.encode(text)])
            yield torch.tensor([row]), LabelledBatch(tokens, torch.tensor([2]), torch.tensor([0]))

    def facts(self) -> list[tuple[str, str]]:
        return []

    def state(self) -> dict[str, Any]:
        return {"coder": coder_state(self.coder)}


def without(kind: type, member: str) -> Any:
    """An object of a class like ``kind`` that lacks a member."""
    found = kind()
    body = {
        name: value for name, value in vars(kind).items() if name not in ("__dict__", "__weakref__", member)
    }
    copy = object.__new__(type(kind.__name__, (), body))
    copy.__dict__.update({name: value for name, value in vars(found).items() if name != member})
    return copy


def test_what_fulfils_the_contract_is_taken_whatever_it_inherits() -> None:
    check_labelled(Readings())


@pytest.mark.parametrize("kind", [Names, LabelledText, LabelledEvents])
def test_our_own_data_sets_fulfil_it(kind: type[LabelledData]) -> None:
    data = kind()
    data.setup()
    check_labelled(data)


@pytest.mark.parametrize("member", members(LabelledModule))
def test_each_missing_member_is_named_with_the_remedy(member: str) -> None:
    message = rf"Readings has no `{member}` \(.*\), which judging a classifier reads; add .*, or derive from "
    with pytest.raises(UserError, match=message):
        check_labelled(without(Readings, member))


@pytest.mark.parametrize("member", members(Coder))
def test_each_missing_member_of_the_coder_is_named(member: str) -> None:
    data = Readings()
    data.coder = without(Numbers, member)
    with pytest.raises(UserError, match=rf"Readings\.coder has no `{member}` \(.*; add .*SequenceCoder: "):
        check_labelled(data)


def test_a_fault_within_a_member_is_not_taken_for_its_absence() -> None:
    class Broken(Readings):
        @property
        def train_unit(self) -> str:  # type: ignore[override]
            return self.nowhere  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match="nowhere"):
        check_labelled(Broken())


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            {"coder": {"class": "x", "labels": [np.str_("a")]}},
            r"\.state\(\)\['coder'\]\['labels'\]\[0\] is a numpy\.str_",
        ),
        ({}, r"Readings\.state\(\) has no 'coder' with a 'class'.*coder_state"),
        ({"coder": {"labels": []}}, r"Readings\.state\(\) has no 'coder' with a 'class'"),
        ({"coder": {"class": "x"}}, r"Numbers\.from_state: state\(\) has no 'labels', which it reads"),
        ({"coder": {"class": "x", "labels": ["low", "high"]}}, r"is another coder"),
    ],
)
def test_a_state_that_predict_could_not_read_is_refused(state: dict[str, Any], message: str) -> None:
    data = Readings()
    data.state = lambda: state  # type: ignore[method-assign]
    with pytest.raises(UserError, match=message):
        check_labelled(data)


def test_labels_and_sizes_must_agree() -> None:
    data = Readings()
    data.sizes["num_classes"] = 3
    with pytest.raises(UserError, match=r"coder\.labels are 2, sizes\['num_classes'\] is 3"):
        check_labelled(data)
    del data.sizes["num_classes"]
    with pytest.raises(UserError, match="sizes has no num_classes"):
        check_labelled(data)
    data = Readings()
    data.coder = Numbers(("high", "medium"))
    with pytest.raises(UserError, match=r"items\('train'\) has label 'low', which .*\(high, medium\) lacks"):
        check_labelled(data)
