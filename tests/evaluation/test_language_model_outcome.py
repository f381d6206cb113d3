import numpy as np
import pytest

from seqlab.data.text_codec import TextCodec
from seqlab.evaluation.language_model_report import line_table


def test_lines_by_hand() -> None:
    table = line_table(TextCodec.fit("ab\nc", "char"), "ab\n\ncx", np.array([1.0, 3.0, 5.0, 2.0, 4.0]))
    assert table["text"].tolist() == ["ab", "", "cx"]
    assert table["line"].tolist() == [1, 2, 3]
    assert table["characters"].tolist() == [3, 1, 2]
    assert table["loss"].tolist() == [2.0, 5.0, 3.0]  # the first token of all is predicted by nothing
    assert table["unknown"].tolist() == [0, 0, 1]


def test_a_last_break_makes_no_line_and_a_lone_first_token_has_no_loss() -> None:
    table = line_table(TextCodec.fit("a\nb", "char"), "\nb\n", np.array([1.0, 2.0]))
    assert table["text"].tolist() == ["", "b"]
    assert np.isnan(table["loss"][0])
    assert table["loss"][1] == 1.5


@pytest.mark.parametrize("unit", ["char", "word"])
def test_line_losses_weighed_by_tokens_are_the_whole(unit: str) -> None:
    text = "To be, or not\nto be.\n\nSo it is"
    codec = TextCodec.fit(text, unit)
    nll = np.random.default_rng(0).random(len(codec.encode(text)) - 1)
    table = line_table(codec, text, nll)
    counted = table[codec.unit_name] - (table["line"] == 1)
    assert (table["loss"] * counted).sum() == pytest.approx(nll.sum())


def test_unknown_line_breaks_still_end_lines() -> None:
    table = line_table(TextCodec.fit("ab", "char"), "a\nb", np.array([1.0, 2.0]))
    assert table["text"].tolist() == ["a", "b"]
    assert table["unknown"].tolist() == [1, 0]
