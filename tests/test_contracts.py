from typing import Any, Protocol

import pytest

from seqlab import contracts
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
