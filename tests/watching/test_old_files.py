"""Writers that are told late of a rotation: what they still write to the old file is read too."""

import gzip
import os
from pathlib import Path

import pytest

from seqlab.watching import old_files
from seqlab.watching.parts import LogPart
from seqlab.watching.tail import FileSource
from tests.watching.test_tail import append, log, read_all

__all__ = ["log"]


def numbered(first: int, end: int) -> list[str]:
    return [f"late line {number}" for number in range(first, end)]


def text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def test_lines_that_come_to_the_old_file_after_the_new_one_are_read_once_also_after_a_restart(
    log: Path,
) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    late = log.open("a")  # a writer that reopens late
    log.rename(log.with_name("app.log.1"))
    log.write_text("new 1\n")
    assert read_all(source) == ["new 1"]
    late.write(text(numbered(0, 100)) + "late li")
    late.flush()
    assert source.lag().bytes == len(text(numbered(0, 100)) + "late li")
    piece = source.read(0)
    assert piece is not None
    assert (piece.file, piece.offset, piece.first_number) == (0, 2, 2)
    assert piece.content.decode() == text(numbered(0, 100))
    assert source.line(0, 2) == "late line 0"
    state = source.state()
    source.close()

    late.write("ne 100\n" + text(numbered(101, 150)))
    late.flush()
    append(log, "new 2\n")
    source = FileSource(str(log), follow=True, state=state)
    assert sorted(read_all(source)) == [*sorted(numbered(100, 150)), "new 2"]
    late.write(text(numbered(150, 160)))
    late.close()
    assert read_all(source) == numbered(150, 160)
    assert source.news() == []
    assert read_all(FileSource(str(log), follow=True, state=source.state())) == []


def test_a_part_reads_what_came_late_to_the_file_before(log: Path) -> None:
    log.write_text("a\n")
    part = LogPart(str(log))
    assert read_all(part) == ["a"]
    state = part.state()
    log.rename(log.with_name("app.log.1"))
    log.write_text("new\nhal")
    part = LogPart(str(log), state=state)
    assert read_all(part) == ["new"]
    state = part.state()
    append(log.with_name("app.log.1"), "late\n")
    append(log, "f\n")
    part = LogPart(str(log), state=state)
    assert read_all(part) == ["late", "half"]
    assert read_all(LogPart(str(log), state=part.state())) == []


def test_a_line_that_the_old_file_ends_within_waits_for_its_end_and_not_for_ever(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write_text("a\nhal")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    log.rename(log.with_name("app.log.1"))
    log.write_text("new\n")
    assert read_all(source) == ["new"]
    append(log.with_name("app.log.1"), "f\nno newline")
    assert read_all(source) == ["half"]
    state = source.state()
    monkeypatch.setattr(old_files, "END_SECONDS", 0.0)
    source = FileSource(str(log), follow=True, state=state)
    assert read_all(source) == ["no newline"]
    assert read_all(FileSource(str(log), follow=True, state=source.state())) == []


def test_an_old_file_is_read_once_more_before_it_is_closed(log: Path) -> None:
    log.write_text("0\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["0"]
    first = log.open("a")
    for number in (1, 2, 3):
        log.rename(log.with_name(f"app.log-2026112{number}"))
        log.write_text(f"{number}\n")
        if number == 3:
            first.write("late\nno newline")
            first.close()
        assert sorted(read_all(source)) == sorted([f"{number}", *(["late", "no newline"] * (number == 3))])
    assert len(source.state()["old"]) == 2


def test_an_old_file_with_late_lines_is_not_taken_for_a_newer_one(log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    log.rename(log.with_name("app.log.1"))
    log.write_text("new\n")
    assert read_all(source) == ["new"]
    append(log.with_name("app.log.1"), "late\n")
    assert read_all(source) == ["late"]
    os.utime(log, (1, 1))  # written to before
    log.with_name("app.log.1").rename(log.with_name("app.log.2"))
    log.rename(log.with_name("app.log.1"))
    log.write_text("newest\n")
    assert read_all(source) == ["newest"]


@pytest.mark.parametrize("late", ["late\n", ""])
def test_lines_that_came_late_and_were_packed_are_said_to_be_lost(late: str, log: Path) -> None:
    content = b"2026-11-25 first line\nsecond\n"
    log.write_bytes(content)
    source = FileSource(str(log), follow=True)
    assert len(read_all(source)) == 2
    log.rename(log.with_name("app.log.1"))
    log.write_text("new\n")
    assert read_all(source) == ["new"]
    state = source.state()
    source.close()
    log.with_name("app.log.1").unlink()
    log.with_name("app.log.1.gz").write_bytes(gzip.compress(content + late.encode()))
    source = FileSource(str(log), follow=True, state=state)
    assert read_all(source) == []
    lost = [("lost", f"app.log.1.gz: lines after its byte {len(content)} were not read")]
    assert source.news() == (lost if late else [])
