import gzip
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from seqlab.alerts.sources import GzipSource, PipeSource
from seqlab.logs.reading import Lines


def test_a_broken_gzip_gives_what_can_be_read_and_says_where_it_ends(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b"%d some text\n" % number for number in range(200_000)))
    path = tmp_path / "log.gz"
    path.write_bytes(whole[: len(whole) // 2])
    source = GzipSource(str(path))
    texts: list[str] = []
    while not source.ended:
        chunk = source.read(0)
        if chunk is not None:
            texts += Lines.of(chunk).texts
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
        chunk = source.read(1)
        assert chunk is not None
        assert chunk.content == b"one\n"
        os.write(writing, b"o\nthree")
        os.close(writing)
        contents = []
        while not source.ended:
            chunk = source.read(1)
            contents.append(b"" if chunk is None else chunk.content)
        assert b"|".join(contents) == b"two\n|three"


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[PipeSource, int]]:
    """Standard input, and where to write to it; the writer closes that."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        yield PipeSource(), writing


def in_background(write: Callable[[], None], descriptor: int) -> threading.Thread:
    def run() -> None:
        write()
        os.close(descriptor)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def read_to_the_end(source: PipeSource) -> list[bytes]:
    contents = []
    while not source.ended:
        chunk = source.read(0.5)
        if chunk is not None:
            contents.append(chunk.content)
    return contents


def test_a_steady_pipe_is_given_before_it_pauses(pipe: tuple[PipeSource, int]) -> None:
    source, writing = pipe
    lines = [b"line %d\n" % number for number in range(60)]

    def write() -> None:
        for line in lines:
            os.write(writing, line)
            time.sleep(0.02)

    writer = in_background(write, writing)
    chunk = source.read(5)
    assert chunk is not None
    assert 0 < chunk.content.count(b"\n") < len(lines)
    assert writer.is_alive()
    assert chunk.content + b"".join(read_to_the_end(source)) == b"".join(lines)


def test_a_fast_pipe_is_given_in_big_pieces(pipe: tuple[PipeSource, int]) -> None:
    source, writing = pipe
    content = b"".join(b"%d some text\n" % number for number in range(600_000))
    view = memoryview(content)

    def write() -> None:
        for start in range(0, len(content), 1 << 16):
            os.write(writing, view[start : start + (1 << 16)])

    in_background(write, writing)
    contents = read_to_the_end(source)
    assert b"".join(contents) == content
    assert len(contents[0]) > 1 << 20
    assert not source.caught_up()


@pytest.mark.parametrize("seed", range(2))
def test_a_pipe_of_any_pace_gives_every_byte_once(seed: int, pipe: tuple[PipeSource, int]) -> None:
    source, writing = pipe
    rng = np.random.default_rng(seed)
    content = b"".join(b"%d %s\n" % (number, b"z" * int(rng.integers(0, 90))) for number in range(1000))

    def write() -> None:
        place = 0
        while place < len(content):
            size = int(rng.choice([1, 50, 3000, 20_000]))
            os.write(writing, content[place : place + size])
            place += size
            time.sleep(float(rng.choice([0, 0.01, 0.12])))

    in_background(write, writing)
    assert b"".join(read_to_the_end(source)) == content


def test_whether_a_pipe_was_emptied(pipe: tuple[PipeSource, int]) -> None:
    source, writing = pipe
    os.write(writing, b"one\n")
    assert source.read(0.1) is not None
    assert source.caught_up()
    os.close(writing)
