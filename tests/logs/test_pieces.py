import numpy as np
import pytest

from seqlab.logs.pieces import NOT_UTF8, TOO_LONG, LineCutter, Piece, split_piece
from seqlab.logs.reading import LONGEST_LINE


def split(content: bytes, **settings: int):
    return split_piece(Piece(0, settings.get("offset", 0), settings.get("first", 1), content))


def test_every_line_knows_its_byte_and_its_number() -> None:
    lines = split("eins\nzwölf\r\n\ndrei".encode(), offset=100, first=7)
    assert lines.texts == ["eins", "zwölf", "", "drei"]
    assert lines.offsets.tolist() == [100, 105, 113, 114]
    assert lines.numbers.tolist() == [7, 8, 9, 10]
    assert lines.num_read == 4
    assert lines.bad == []


def test_lines_that_are_no_text_are_set_apart_and_the_others_keep_their_places() -> None:
    long = b"x" * (LONGEST_LINE + 1)
    content = b"good\n\xff\xfe\x00garbage\n" + long + b"\nlast \x00 nul\n"
    lines = split(content)
    assert lines.texts == ["good", "last \x00 nul"]
    assert lines.numbers.tolist() == [1, 4]
    assert [content[start : start + 4] for start in lines.offsets.tolist()] == [b"good", b"last"]
    assert [(line.number, line.reason) for line in lines.bad] == [(2, NOT_UTF8), (3, TOO_LONG)]
    assert lines.num_read == 4
    assert all(len(line.shown) < 300 for line in lines.bad)
    only_long = split(b"a\n" + long + b"\nb\n")  # no decoding error sets it apart
    assert only_long.texts == ["a", "b"]


def test_a_byte_order_mark_belongs_to_no_line() -> None:
    assert split("\ufeffone\n\ufefftwo\n".encode()).texts == ["one", "\ufefftwo"]
    assert split("\ufeffone\n".encode(), offset=7).texts == ["\ufeffone"]  # within the file it is text


def test_nothing_gives_nothing() -> None:
    lines = split(b"")
    assert (lines.texts, lines.num_read, lines.bad) == ([], 0, [])


@pytest.mark.parametrize("seed", range(5))
def test_any_cut_of_a_file_gives_the_same_lines(seed: int) -> None:
    rng = np.random.default_rng(seed)
    long = b"y" * (LONGEST_LINE + 5000)
    content = b"".join(
        [*(b"line %d\n" % number for number in range(50)), long + b"\n", b"\xff\n", b"\n", b"after\n", b"end"]
    )
    cutter = LineCutter(0)
    texts, offsets, numbers, bad = [], [], [], []
    place = 0
    pieces = []
    while place < len(content):
        size = int(rng.choice([1, 7, 300, 40_000]))
        pieces.append(cutter.put(content[place : place + size]))
        place = min(place + size, len(content))
        assert cutter.position == place
    pieces.append(cutter.finish())
    for piece in pieces:
        if piece is not None:
            lines = split_piece(piece)
            texts += lines.texts
            offsets += lines.offsets.tolist()
            numbers += lines.numbers.tolist()
            bad += [(line.number, line.reason) for line in lines.bad]
    assert texts == [*(f"line {number}" for number in range(50)), "", "after", "end"]
    assert bad == [(51, TOO_LONG), (52, "not UTF-8 text")]
    assert numbers == [*range(1, 51), 53, 54, 55]
    assert [content[start:].split(b"\n")[0].decode() for start in offsets] == texts
    assert cutter.finish() is None


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    cutter = LineCutter(0)
    for _ in range(100):
        assert cutter.put(b"z" * LONGEST_LINE) is None
        assert len(cutter.rest) <= LONGEST_LINE
    piece = cutter.finish()
    assert piece is not None
    assert [line.reason for line in piece.cut] == [TOO_LONG]
