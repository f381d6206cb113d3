import gzip
import os
from pathlib import Path

import pytest

from seqlab.alerts import old_files
from seqlab.alerts.lines import split_lines
from seqlab.alerts.tail import FileSource


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
        piece = source.read(0)
        idle = idle + 1 if piece is None else 0
        if piece is not None:
            texts += split_lines(piece).texts
    return texts


def test_a_file_is_read_to_its_end_with_its_unfinished_last_line(log: Path) -> None:
    log.write_text("a\nb\nlast")
    source = FileSource(str(log))
    assert read_all(source) == ["a", "b", "last"]
    assert source.ended


def test_an_unfinished_line_waits_for_its_end(log: Path) -> None:
    log.write_text("a\nhal")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    assert source.lag().bytes == 0
    assert source.state()["offset"] == 2
    append(log, "f\nb\n")
    assert source.lag().bytes == 4
    assert read_all(source) == ["half", "b"]
    assert not source.ended


def test_rotation_reads_the_old_file_to_its_end_and_the_new_one_from_its_start(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_files, "END_SECONDS", 0.0)
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    log.rename(log.with_name("app.log.1"))
    assert read_all(source) == []
    assert [kind for kind, _ in source.news()] == ["missing"]
    append(log.with_name("app.log.1"), "late\nno newline")
    log.write_text("new\n")
    assert read_all(source) == ["late", "no newline", "new"]
    assert [kind for kind, _ in source.news()] == ["rotated"]
    assert source.line(0, 2) == "late"
    assert source.line(1, 0) == "new"
    for _ in range(3):
        log.unlink()
        log.write_text("again\n")
        assert read_all(source) == ["again"]
    assert source.line(0, 2) is None  # too long ago: not held open for ever


def test_truncation_reads_from_the_start_again(log: Path) -> None:
    log.write_text("one\ntwo\nthree\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["one", "two", "three"]
    log.write_text("x\n")  # the same file, shorter
    assert read_all(source) == ["x"]
    assert [kind for kind, _ in source.news()] == ["truncated"]
    log.write_text("longer than before\n")  # emptied and filled beyond where reading was
    assert read_all(source) == ["longer than before"]
    assert source.line(0, 0) is None  # what stood there is gone


def test_a_state_goes_on_after_the_last_whole_line(log: Path) -> None:
    log.write_text("a\nb\nc")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a", "b"]
    state = source.state()
    append(log, "c\nd\n")
    resumed = FileSource(str(log), follow=True, state=state)
    piece = resumed.read(0)
    assert piece is not None
    lines = split_lines(piece)
    assert lines.texts == ["cc", "d"]
    assert lines.numbers.tolist() == [3, 4]
    assert lines.offsets.tolist() == [4, 7]


def test_a_state_finds_its_file_under_its_new_name_and_all_that_came_after_it(log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    state = source.state()
    append(log, "b\n")
    log.rename(log.with_name("app.log.2"))
    log.with_name("app.log.1").write_text("between\n")
    log.write_text("new\n")
    os.utime(log.with_name("app.log.2"), (1, 1))
    resumed = FileSource(str(log), follow=True, state=state)
    assert read_all(resumed) == ["b", "between", "new"]
    assert "app.log.2" in resumed.news()[0][1]


def test_a_state_whose_file_is_gone_says_what_was_lost(log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    state = source.state()
    source.close()
    other = log.with_name("other")
    other.write_text("fresh\nstart\n")
    other.replace(log)
    resumed = FileSource(str(log), follow=True, state=state)
    assert read_all(resumed) == ["fresh", "start"]
    (news,) = resumed.news()
    assert news[0] == "lost"
    assert "after its byte 2" in news[1]


def test_a_state_knows_a_file_that_was_copied_with_its_content(log: Path) -> None:
    log.write_text("a\nb\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a", "b"]
    state = source.state()
    copy = log.with_name("copy")
    copy.write_text("a\nb\nc\n")
    copy.replace(log)
    assert read_all(FileSource(str(log), follow=True, state=state)) == ["c"]


def test_two_rotations_between_two_looks_lose_nothing(log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    append(log, "b\n")
    for content in ("between\n", "new\n"):
        for number in (2, 1, 0):
            older = log if number == 0 else log.with_name(f"app.log.{number}")
            if older.exists():
                older.rename(log.with_name(f"app.log.{number + 1}"))
        log.write_text(content)
    assert read_all(source) == ["b", "between", "new"]
    assert [kind for kind, _ in source.news()] == ["rotated", "rotated"]
    assert source.line(1, 0) == "between"


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_between_two_rotations_that_cannot_be_read_is_said_to_be_lost(packed: bool, log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    log.rename(log.with_name("app.log.2"))
    if packed:
        log.with_name("app.log.1.gz").write_bytes(gzip.compress(b"between\n"))
    log.write_text("new\n")
    assert read_all(source) == ["new"]
    lost = [what for kind, what in source.news() if kind == "lost"]
    assert len(lost) == 1
    assert lost[0].startswith("app.log.1")


def test_what_was_packed_and_read_before_is_not_lost(log: Path) -> None:
    content = b"2026-11-25 first line\nsecond\n"
    log.write_bytes(content)
    source = FileSource(str(log), follow=True)
    assert len(read_all(source)) == 2
    log.unlink()
    log.with_name("app.log.1.gz").write_bytes(gzip.compress(content))
    log.with_name("app.log.2.gz").write_bytes(gzip.compress(b"older\n"))
    os.utime(log.with_name("app.log.2.gz"), (1, 1))
    log.write_text("new\n")
    assert read_all(source) == ["new"]
    assert [kind for kind, _ in source.news()] == ["rotated"]


NEIGHBOURS = (
    "app.log.state",
    "app-audit.log",
    "app.log.jsonl",
    "application.log",
    "app.log.1.bak",
    "app-x1.log",
)


def test_neighbours_of_a_log_are_no_part_of_it(log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    state = source.state()
    append(log, "b\n")
    log.rename(log.with_name("app.log.1"))
    for name in NEIGHBOURS:
        log.with_name(name).write_text(f"of {name}\n")
    log.with_name("app.log.0.gz").write_bytes(gzip.compress(b"x\n"))
    os.utime(log.with_name("app.log.0.gz"), (1, 1))
    log.write_text("new\n")
    assert read_all(source) == ["b", "new"]
    resumed = FileSource(str(log), follow=True, state=state)
    assert read_all(resumed) == ["b", "new"]
    assert {kind for kind, _ in resumed.news()} == {"rotated"}
    assert read_all(FileSource(str(log), state=state)) == ["b", "new"]  # not following: to the end of the log


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("app.log-20261124", "app.log-20261125"),
        ("app-20261124.log", "app-20261125.log"),
        ("app.log.2026-11-24", "app.log.2026-11-25"),
        ("app.2.log", "app.1.log"),
        ("app.log-1764028800", "app.log-1764115200"),
    ],
)
def test_names_that_rotations_give(first: str, second: str, log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    state = source.state()
    log.rename(log.with_name(first))
    log.with_name(second).write_text("between\n")
    log.write_text("new\n")
    assert read_all(source) == ["between", "new"]
    assert read_all(FileSource(str(log), follow=True, state=state)) == ["between", "new"]


@pytest.mark.parametrize("name", ["app.log.2.gz", None])
def test_a_state_whose_file_was_packed_or_removed_goes_on_with_the_next_and_says_so(
    name: str | None, log: Path
) -> None:
    content = b"2026-11-25 first line\nsecond\n"
    log.write_bytes(content)
    os.utime(log, (1, 1))
    source = FileSource(str(log), follow=True)
    assert len(read_all(source)) == 2
    state = source.state()
    source.close()
    log.unlink()
    if name:
        log.with_name(name).write_bytes(gzip.compress(content + b"third\n"))
    log.with_name("app.log.1").write_text("between\n")
    log.write_text("new\n")
    resumed = FileSource(str(log), follow=True, state=state)
    assert read_all(resumed) == ["between", "new"]
    news = resumed.news()
    assert [kind for kind, _ in news] == ["lost", "rotated", "rotated"]
    assert f"after its byte {len(content)}" in news[0][1]
    assert name is None or name in news[0][1]


def test_a_new_file_that_cannot_be_opened_is_said_once_and_tried_again(log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    log.rename(log.with_name("app.log.1"))
    log.mkdir()  # as good as without permission, which the tests may have
    (log / "entry").touch()
    append(log.with_name("app.log.1"), "late\n")
    assert read_all(source) == ["late"]
    assert read_all(source) == []
    (news,) = source.news()
    assert news[0] == "unreadable"
    (log / "entry").unlink()
    log.rmdir()
    log.write_text("new\n")
    assert read_all(source) == ["new"]
    assert [kind for kind, _ in source.news()] == ["rotated"]


def test_the_old_file_is_read_until_something_stands_in_the_new_one(log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    log.rename(log.with_name("app.log.1"))
    log.touch()
    assert read_all(source) == []
    append(log.with_name("app.log.1"), "late\n")  # its writer was not told yet
    assert read_all(source) == ["late"]
    assert source.caught_up()
    append(log, "new\n")
    assert not source.caught_up()
    assert read_all(source) == ["new"]


@pytest.mark.parametrize("restart", [False, True])
def test_a_file_that_was_copied_and_emptied_is_read_to_its_end_in_the_copy(restart: bool, log: Path) -> None:
    log.write_text("x" * 80 + "\nb\nhal")
    source = FileSource(str(log), follow=True)
    assert len(read_all(source)) == 2
    state = source.state()
    append(log, "f\nc\n")
    log.with_name("app.log.1").write_bytes(log.read_bytes())
    log.write_text("new\n")
    if restart:
        source = FileSource(str(log), follow=True, state=state)
    assert read_all(source) == ["half", "c", "new"]


def test_numbers_with_zeros_are_the_same_numbers(log: Path) -> None:
    log.write_text("a\n")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    log.rename(log.with_name("app.log.02"))
    log.with_name("app.log.01").write_text("between\n")
    log.write_text("new\n")
    assert read_all(source) == ["between", "new"]
    assert {kind for kind, _ in source.news()} == {"rotated"}


def test_a_file_that_was_just_begun_is_not_read_up(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(old_files, "END_SECONDS", 0.0)
    log.write_text("a\nno newline")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    assert source.caught_up()
    log.rename(log.with_name("app.log.1"))
    log.write_text("new\n")
    piece = source.read(0)
    assert piece is not None
    assert piece.content == b"no newline"
    assert not source.caught_up()
    assert read_all(source) == ["new"]
    assert source.caught_up()
