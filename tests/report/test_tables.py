import math

import pytest

from seqlab.report.tables import (
    column_decimals,
    config_block,
    format_number,
    key_value_table,
    metrics_table,
    text_table,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (0.0, "0"),
        (4.25, "4.25"),
        (-0.03125, "−0.03125"),
        (100.0, "100"),
        (1234567.0, "1,234,567"),
        (1.5e-7, "1.5e-07"),
    ],
)
def test_a_figure_is_written_for_a_reader(value: float | None, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("column", "decimals"),
    [
        ([0.9987, None, 1.0], 4),
        ([0.00021, 0.5], 5),
        ([4.25, 0.5], 3),
        ([12.25, 100.0], 2),
        ([3.0, 12000.0], 0),
        ([], 4),
        ([math.nan, None], 4),
        ([1e12], None),
    ],
)
def test_a_column_has_one_precision(column: list[float | None], decimals: int | None) -> None:
    assert column_decimals(column) == decimals


def test_figures_of_a_column_stand_below_each_other() -> None:
    html = metrics_table(
        ["AUROC", "threshold"], [("gru", [0.5, 4]), ("constant", [0.98765, None])], emphasis="gru"
    )
    assert '<tr class="emphasis"><th scope="row">gru</th><td>0.5000</td><td>4</td></tr>' in html
    assert '<tr><th scope="row">constant</th><td>0.9877</td><td>–</td></tr>' in html


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"row 'gru' has 1 figures, the table 2 columns"):
        metrics_table(["a", "b"], [("gru", [1.0])])


def test_emphasis_names_a_row() -> None:
    with pytest.raises(ValueError, match=r"emphasis='gur' is no row of the table; its rows: gru"):
        metrics_table(["a"], [("gru", [1.0])], emphasis="gur")


def test_text_is_escaped_everywhere() -> None:
    evil = '"><script>alert(1)</script>'
    pieces = [
        metrics_table([evil], [(evil, [1.0])], emphasis=evil, row_title=evil, caption=evil),
        key_value_table([(evil, evil)], caption=evil),
        config_block(evil, title=evil),
    ]
    for html in pieces:
        assert "<script" not in html
        assert "&lt;script&gt;" in html


def test_no_facts_give_no_table() -> None:
    assert key_value_table([]) == ""


def test_texts_stand_beside_each_other_and_are_escaped() -> None:
    table = text_table(("source", "translation"), [("a <b>", "나는 & 너")], caption="Samples")
    assert "<td>a &lt;b&gt;</td><td>나는 &amp; 너</td>" in table
    assert table.count("<th") == 3  # thead, two headings
    assert "<caption>Samples</caption>" in table


def test_a_row_of_texts_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="a row has 1 texts, the table 2 columns"):
        text_table(("source", "translation"), [("alone",)])
