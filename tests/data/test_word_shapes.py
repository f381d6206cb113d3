import pytest

from seqlab.data.tagged import SHAPES, shape_of


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("dublin", "lower"),
        ("A", "capital"),
        ("X.", "capital"),
        ("Dublin", "title"),
        ("NATO", "upper"),
        ("iPhone", "mixed"),
        ("서울", "uncased"),
        ("42", "number"),
        ("-3.50", "number"),
        ("10:30", "number"),
        ("4th", "with_digit"),
        ("...", "symbol"),
        ("@", "symbol"),
        ("@paul", "mention"),
        ("#1", "with_digit"),
        ("#nlp", "hashtag"),
        ("http://t.co/x1", "link"),
        ("www.example.org", "link"),
    ],
)
def test_shapes(word: str, shape: str) -> None:
    assert SHAPES[shape_of(word)] == shape
