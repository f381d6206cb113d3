"""Copies that a rotation makes before it empties the log, and numbers that rise or fall with time."""

import gzip
import os
import shutil
from pathlib import Path

import pytest

from seqlab.watching.tail import FileSource
from tests.watching.test_tail import append, log, read_all

__all__ = ["log"]
BANNER = "#" * 300 + "\n"


def numbered(first: int, end: int) -> str:
    return "".join(f"line {number:08} of a log\n" for number in range(first, end))


def copytruncate(log: Path, *, keep_time: bool = False) -> None:
    """As logrotate does it, with numbers."""
    for number in range(9, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.rename(log.with_name(f"{log.name}.{number + 1}"))
    (shutil.copy2 if keep_time else shutil.copy)(log, log.with_name(f"{log.name}.1"))
    os.truncate(log, 0)


def kinds(source: FileSource) -> set[str]:
    return {kind for kind, _ in source.news()}


@pytest.mark.parametrize("keep_time", [False, True])
@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("times", [1, 2])
def test_copies_of_a_log_that_was_empty_at_the_last_look_are_read(
    keep_time: bool, restart: bool, times: int, log: Path
) -> None:
    log.with_name("app.log.1").write_text("long ago\n")
    os.utime(log.with_name("app.log.1"), (1, 1))
    log.touch()
    os.utime(log, (2, 2))
    source = FileSource(str(log), follow=True)
    assert read_all(source) == []
    os.utime(log.with_name("app.log.1"))  # lines came late
    state = source.state()
    append(log, numbered(0, 50))
    for number in range(times):
        copytruncate(log, keep_time=keep_time)
        append(log, numbered(50 + 10 * number, 60 + 10 * number))
    if restart:
        source = FileSource(str(log), follow=True, state=state)
    assert "\n".join(read_all(source)) + "\n" == numbered(0, 50 + 10 * times)
    assert kinds(source) == ({"rotated"} if restart else {"truncated", "rotated"})
    assert read_all(FileSource(str(log), follow=True, state=source.state())) == []


def test_the_state_of_an_empty_log_that_filled_goes_on_in_it(log: Path) -> None:
    log.touch()
    source = FileSource(str(log), follow=True)
    assert read_all(source) == []
    append(log, "a\n")
    state = source.state()  # written before it was read
    source = FileSource(str(log), follow=True, state=state)
    assert read_all(source) == ["a"]
    assert source.news() == []


@pytest.mark.parametrize("keep_time", [False, True])
@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("behind", [0, 5])
def test_two_copies_between_two_looks_are_read(
    keep_time: bool, restart: bool, behind: int, log: Path
) -> None:
    log.write_text(numbered(0, 100))
    source = FileSource(str(log), follow=True)
    assert len(read_all(source)) == 100
    state = source.state()
    append(log, numbered(100, 100 + behind))
    copytruncate(log, keep_time=keep_time)
    append(log, numbered(100 + behind, 200))
    copytruncate(log, keep_time=keep_time)
    append(log, numbered(200, 230))
    if restart:
        source = FileSource(str(log), follow=True, state=state)
    assert "\n".join(read_all(source)) + "\n" == numbered(100, 230)
    assert "lost" not in kinds(source)


@pytest.mark.parametrize("restart", [False, True])
def test_the_rest_of_a_short_file_is_read_in_its_copy(restart: bool, log: Path) -> None:
    log.write_text(numbered(0, 1))
    os.utime(log, (1, 1))  # the copy is newer
    source = FileSource(str(log), follow=True)
    assert len(read_all(source)) == 1
    state = source.state()
    append(log, numbered(1, 3))
    copytruncate(log)
    append(log, numbered(3, 5))
    if restart:
        source = FileSource(str(log), follow=True, state=state)
    assert "\n".join(read_all(source)) + "\n" == numbered(1, 5)
    assert "lost" not in kinds(source)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("behind", [0, 5])
def test_a_truncated_file_that_begins_as_before_is_known(restart: bool, behind: int, log: Path) -> None:
    log.write_text(BANNER + numbered(0, 10))
    source = FileSource(str(log), follow=True)
    assert len(read_all(source)) == 11
    state = source.state()
    append(log, numbered(10, 10 + behind))
    copytruncate(log)
    append(log, BANNER + numbered(10 + behind, 40))
    if restart:
        source = FileSource(str(log), follow=True, state=state)
    lines = read_all(source)
    lines.remove(BANNER.strip())
    assert "\n".join(lines) + "\n" == numbered(10, 40)
    assert "truncated" in kinds(source)


def test_a_copy_with_unread_lines_that_was_packed_at_once_is_said_to_be_lost(log: Path) -> None:
    log.write_text(numbered(0, 10))
    source = FileSource(str(log), follow=True)
    assert len(read_all(source)) == 10
    for end in (10, 12):  # the first copy holds nothing that was not read
        log.with_name("app.log.1.gz").write_bytes(gzip.compress(numbered(0, end).encode()))
        log.write_text(numbered(20, 21))
        assert len(read_all(source)) == 1
        assert kinds(source) == ({"truncated"} if end == 10 else {"truncated", "lost"})
        log.write_text(numbered(0, 10))
        log.with_name("app.log.1.gz").unlink()
        assert len(read_all(source)) == 10
        source.news()


@pytest.mark.parametrize("restart", [False, True])
def test_a_log_that_was_replaced_by_a_longer_copy_of_itself_is_read_on(restart: bool, log: Path) -> None:
    log.write_text(numbered(0, 100) + "line 0000")
    source = FileSource(str(log), follow=True)
    assert len(read_all(source)) == 100
    state = source.state()
    for end in (120, 121):  # as rsync does it
        copy = log.with_name(".app.log.tmp")
        copy.write_text(numbered(0, end))
        copy.replace(log)
        if restart:
            source = FileSource(str(log), follow=True, state=state)
        begin = 100 if end == 120 or restart else 120
        piece = source.read(0)
        assert piece is not None
        assert piece.content.decode() == numbered(begin, end)
        assert (piece.file, piece.first_number) == (0, begin + 1)
        assert read_all(source) == []
        assert kinds(source) == (set() if restart else {"rotated"})


def test_a_rotated_file_that_begins_like_the_new_one_is_no_copy(log: Path) -> None:
    log.write_text(BANNER)
    source = FileSource(str(log), follow=True)
    assert len(read_all(source)) == 1
    log.rename(log.with_name("app.log.1"))
    log.write_text(BANNER + "new\n")
    assert read_all(source) == [BANNER.strip(), "new"]


@pytest.mark.parametrize("older", [["app-19.log", "app-18.log"], []])
def test_numbers_that_grow_with_time_have_no_gaps_below(older: list[str], log: Path) -> None:
    for age, name in enumerate(older):
        log.with_name(name).write_text("long ago\n")
        os.utime(log.with_name(name), (10 - age, 10 - age))
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    state = source.state()
    log.rename(log.with_name("app-20.log"))
    log.write_text("new\n")
    assert read_all(source) == ["new"]
    assert kinds(source) == {"rotated"}
    source = FileSource(str(log), follow=True, state=state)
    assert read_all(source) == ["new"]
    assert kinds(source) == {"rotated"}


def test_a_gap_below_newer_files_is_said_to_be_lost(log: Path) -> None:
    log.write_text("a\n")
    os.utime(log, (5, 5))
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    log.rename(log.with_name("app.log.3"))
    log.with_name("app.log.1").write_text("between\n")
    log.with_name("app.log.4").write_text("long ago\n")
    os.utime(log.with_name("app.log.4"), (1, 1))
    log.write_text("new\n")
    assert read_all(source) == ["between", "new"]
    lost = [what for kind, what in source.news() if kind == "lost"]
    assert len(lost) == 1
    assert lost[0].startswith("app.log.2 ")
