import math

import pytest

from seqlab.report.shaded_text import shaded_text


def test_steps_of_surprise_are_shaded_and_the_text_stays_whole() -> None:
    body = str(shaded_text(["T", "o ", "<b>", "\n", "x"], [math.nan, 0.1, 3.0, 5.0, 20.0], "character"))
    passage = body.split('<p class="running">')[1]
    assert passage == (
        'To <i class="s2" title="3 nats">&lt;b&gt;</i><i class="s3" title="5 nats">↵\n</i>'
        '<i class="s5" title="20 nats">x</i></p>'
    )
    assert "Surprise of a character in nats" in body


def test_each_piece_needs_its_surprise() -> None:
    with pytest.raises(ValueError, match="1 pieces and 2 surprises"):
        shaded_text(["a"], [0.0, 1.0], "character")
