"""Expressions taken apart match what they matched before."""

import polars as pl
import pytest

from seqlab.logs.expressions import Group, parse, text


@pytest.mark.parametrize(
    ("pattern", "apart"),
    [
        (r"a|b\|[|)]", [["a"], [r"b\|[|)]"]]),
        (r"a(?:b|c)+?d", [["a", Group([["b"], ["c"]], False, "+?"), "d"]]),
        (r"(?P<n>a)(?<m>b){2}", [[Group([["a"]], True), Group([["b"]], True, "{2}")]]),
        (r"a(?i)b|c", [["a", "(?:(?i)b)"], ["(?:(?i)c)"]]),
        (r"(?i:a)b", [[Group([["(?:(?i)a)"]], False), "b"]]),
        (r"\(?x[]\]a[b]](c)", [[r"\(?x[]\]a[b]]", Group([["c"]], True)]]),
        (
            "(?x) a # (\n (b) ? (?-x:c #)",
            [["(?:(?x)a)", Group([["(?:(?x)b)"]], True, "?"), Group([["(?:(?x)(?-x)c #)"]], False)]],
        ),
    ],
)
def test_groups_and_alternatives(pattern: str, apart: list) -> None:
    assert parse(pattern) == apart
    pl.Series([""]).str.contains(pattern)  # it is an expression at all


@pytest.mark.parametrize(
    "pattern",
    [r"a(?i)b(?:(?-i)c|D)e|f", r"(?x) a [b\ ] # (\n ( c ) +", r"[[:alpha:]&&[^(]]\p{Nd}(x{2,}|\x{41})?"],
)
def test_what_is_put_together_again_matches_the_same(pattern: str) -> None:
    texts = pl.Series(["aBcE", "abde", "F", "f", "abc", "a ccc", "abbc", "q7xxx", "Q7A", "(7"])
    again = "|".join(map(text, parse(pattern)))
    assert texts.str.extract_all(again).to_list() == texts.str.extract_all(pattern).to_list()
    assert texts.str.contains(again).any()
