"""Logs as they come: pipes, packed files, and plain files that are followed."""

import gzip
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from seqlab.alerts.sources import FileSource, GzipSource, PipeSource
from seqlab.logs.reading import Lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def read_all(source: FileSource) -> list[str]:
    """Everything that is there now."""
    texts: list[str] = []
    idle = 0
    while idle < 2 and not source.ended:  # a rotation is seen by one call, the new file read by the next
        chunk = source.read(0)
        idle = idle + 1 if chunk is None else 0
        if chunk is not None:
            texts += Lines.of(chunk).texts
    return texts


def kinds(source: FileSource) -> list[str]:
    found = [kind for kind, _ in source.news]
    source.news.clear()
    return found


def test_a_file_is_read_to_its_end_with_its_unfinished_last_line(log: Path) -> None:
    log.write_text("a\nb\nlast")
    source = FileSource(str(log))
    assert read_all(source) == ["a", "b", "last"]
    assert source.ended


def test_an_unfinished_line_waits_for_its_end(log: Path) -> None:
    log.write_text("a\nhal")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    assert source.unread_bytes() == 0
    assert source.state()["offset"] == 2
    append(log, "f\nb\n")
    assert source.unread_bytes() == 4
    assert read_all(source) == ["half", "b"]
    assert not source.ended


def test_rotation_reads_the_old_file_to_its_end_and_the_new_one_from_its_start(log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    log.rename(log.with_name("app.log.1"))
    assert read_all(source) == []  # gone for a moment
    append(log.with_name("app.log.1"), "late\nno newline")
    log.write_text("new\n")
    assert read_all(source) == ["late", "no newline", "new"]
    assert kinds(source) == ["rotated"]
    assert source.line(0, 2) is None  # the old file is closed
    assert source.line(1, 0) == "new"
    assert not source.path.with_name("app.log.1").samefile(log)


def test_the_old_file_is_read_until_something_stands_in_the_new_one(log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    log.rename(log.with_name("app.log.1"))
    log.touch()
    append(log.with_name("app.log.1"), "late\n")  # its writer was not told yet
    assert read_all(source) == ["late"]
    assert source.caught_up()
    append(log, "new\n")
    assert not source.caught_up()
    assert read_all(source) == ["new"]


@pytest.mark.parametrize("content", ["x\n", "longer than what stood there before\n"])
def test_truncation_reads_from_the_start_again(content: str, log: Path) -> None:
    log.write_text("one\ntwo\nthree\nhal")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["one", "two", "three"]
    log.write_text(content)  # the same file
    assert read_all(source) == ["hal", content.strip()]
    assert kinds(source) == ["truncated"]
    assert source.line(0, 0) is None  # what stood there is gone


def test_a_state_goes_on_after_the_last_whole_line(log: Path) -> None:
    log.write_text("a\nb\nc")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a", "b"]
    state = source.state()
    append(log, "c\nd\n")
    resumed = FileSource(str(log), follow=True, state=state)
    chunk = resumed.read(0)
    assert chunk is not None
    lines = Lines.of(chunk)
    assert lines.texts == ["cc", "d"]
    assert lines.chunk.first_number == 3
    assert lines.offsets.tolist() == [4, 7]
    assert kinds(resumed) == []


@pytest.mark.parametrize("how", ["rotated", "emptied", "filled again"])
def test_a_state_whose_file_is_gone_says_so_and_begins_with_what_is_there(how: str, log: Path) -> None:
    log.write_text("a\nb\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a", "b"]
    state = source.state()
    if how == "rotated":
        log.rename(log.with_name("app.log.1"))
    log.write_text("n\n" if how == "emptied" else "fresh\nstart\n")
    resumed = FileSource(str(log), follow=True, state=state)
    assert read_all(resumed) == (["n"] if how == "emptied" else ["fresh", "start"])
    (news,) = resumed.news
    assert news[0] == "lost"
    assert "byte 4" in news[1]
    assert resumed.state()["file"] == 1


def test_an_unfinished_line_is_left_for_the_next_time(log: Path) -> None:
    log.write_text("a\nhal")
    source = FileSource(str(log), keep_rest=True)
    assert read_all(source) == ["a"]
    assert source.ended
    append(log, "f\n")
    assert read_all(FileSource(str(log), keep_rest=True, state=source.state())) == ["half"]


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
