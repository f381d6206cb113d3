import gzip
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from seqlab.watching.lines import LONGEST_LINE, TOO_LONG, split_lines
from seqlab.watching.source import GzipSource, LineCutter, PipeSource


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
            lines = split_lines(piece)
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


def test_a_broken_gzip_gives_what_can_be_read_and_says_where_it_ends(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b"%d some text\n" % number for number in range(200_000)))
    path = tmp_path / "log.gz"
    path.write_bytes(whole[: len(whole) // 2])
    source = GzipSource(str(path))
    texts: list[str] = []
    while not source.ended:
        piece = source.read(0)
        if piece is not None:
            texts += split_lines(piece).texts
    source.close()
    assert texts[0] == "0 some text"
    assert source.problem is not None
    assert "broken after byte" in source.problem


def test_a_pipe_gives_lines_as_they_come_and_the_unfinished_last_one_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        source = PipeSource()
        assert source.read(0.01) is None
        os.write(writing, b"one\ntw")
        piece = source.read(1)
        assert piece is not None
        assert piece.content == b"one\n"
        os.write(writing, b"o\nthree")
        os.close(writing)
        contents = []
        while not source.ended:
            piece = source.read(1)
            contents.append(b"" if piece is None else piece.content)
        assert b"|".join(contents) == b"two\n|three"
