"""Long lines below the table."""

from seqlab.training.whole_table import folded


def test_a_line_ends_at_a_semicolon_where_it_can() -> None:
    text = "fitted: words on 4 texts; a threshold on 12 normal sessions; costs on 1"
    assert folded(text, 40) == [
        "fitted: words on 4 texts;",
        "  a threshold on 12 normal sessions;",
        "  costs on 1",
    ]
    assert folded(text, 80) == [text]


def test_a_part_that_is_too_long_is_cut_between_words() -> None:
    assert folded("one; from 2008-11-09 20:35:18 to 2008-11-10", 24) == [
        "one;",
        "  from 2008-11-09",
        "  20:35:18 to 2008-11-10",
    ]
    assert folded("", 24) == []
