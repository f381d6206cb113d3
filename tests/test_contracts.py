from collections import Counter
from typing import Any, Protocol

import numpy as np
import pytest
import torch

from seqlab import contracts
from seqlab.contracts import check_plain
from seqlab.data.tagged_text import TaggedText
from seqlab.errors import UserError
from seqlab.evaluation.tagging import TaggedData, TaggingEvaluation


class Wanted(Protocol):
    size: int

    def __call__(self) -> None: ...

    def read(self, path: str) -> int:
        """Numbers read.

        And more."""

    @classmethod
    def from_state(cls, state: dict[str, int]) -> Any:
        """The same again."""


def test_all_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(UserError) as caught:
        contracts.check_members(object(), Wanted, "a test", "derive from Base", who="mylab.data")
    assert str(caught.value) == (
        "mylab.data has no `size` and no `read` (Numbers read) and no `from_state` (The same again), which a "
        "test reads; add `self.size` and `def read(self, path: str) -> int` and "
        "`def from_state(cls, state: dict[str, int]) -> Any`, or derive from Base: see Wanted in "
        f"{__name__}"
    )


def members() -> dict[str, Any]:
    return {name: object() for name in contracts.members(TaggedData)}


def test_our_own_data_and_any_object_with_all_members_pass() -> None:
    data = TaggedText(sample={"num_sentences": 60, "seed": 0})
    data.setup()
    TaggingEvaluation().check(data)
    TaggingEvaluation().check(type("Mine", (), members())())


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        ("scoring_batches", r"add `def scoring_batches\(self, split: str\) -> IndexBatches`"),
        ("facts", r"add `def facts\(self\) -> list\[tuple\[str, str\]\]`"),
        ("tag_scheme", r"BioTags or PlainTags .*; add `self\.tag_scheme`"),
    ],
)
def test_a_missing_member_is_named_with_the_remedy(missing: str, remedy: str) -> None:
    some = members()
    del some[missing]
    with pytest.raises(UserError, match=rf"Mine has no `{missing}`.*{remedy}, or derive from seqlab\."):
        TaggingEvaluation().check(type("Mine", (), some)())


def test_what_a_checkpoint_can_hold_is_plain() -> None:
    check_plain({"a": [1, 2.5, True, None, "x", (b"y",)], 3: {"t": torch.zeros(2)}}, "state()")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"scale": {"mean": np.float64(1.5)}}, r"state\(\)\['scale'\]\['mean'\] is a numpy.float64"),
        ({"counts": [1, np.int64(2)]}, r"state\(\)\['counts'\]\[1\] is a numpy.int64"),
        ({"rows": np.zeros(2)}, r"state\(\)\['rows'\] is a numpy.ndarray.* array.tolist\(\)"),
        ({"seen": Counter("aab")}, r"state\(\)\['seen'\] is a collections.Counter"),
        ({"labels": {"a", "b"}}, r"state\(\)\['labels'\] is a builtins.set"),
        ({np.int64(3): "x"}, r"the key .*3.* of state\(\) is a numpy.int64"),
    ],
)
def test_what_it_cannot_is_named_by_key_and_type(value: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_plain(value, "state()")
