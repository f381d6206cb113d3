"""Cells that a spreadsheet would run."""

import math

import pandas as pd
import pytest

from seqlab.results.outcome import without_formulas


@pytest.mark.parametrize(
    "cell",
    ["=cmd|'/C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "－a", "＋1+1", "＠a"],
)
def test_text_that_begins_as_a_formula_gets_an_apostrophe(cell: str) -> None:
    safe = without_formulas(pd.DataFrame({"id": [cell], cell: [0.5]}))
    assert safe.to_dict("list") == {"id": [f"'{cell}"], f"'{cell}": [0.5]}


def test_numbers_and_other_text_stay() -> None:
    table = pd.DataFrame(
        {"id": ["blk_-1", "-1608", "a=b", "", "-1.5e3", None], "score": [-1.5, 2, -math.inf, 0, 1, 2]}
    )
    assert without_formulas(table).equals(table)
