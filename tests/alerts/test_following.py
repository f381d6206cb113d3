from pathlib import Path

import pytest

from seqlab.alerts.following import FileSource
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
    return [kind for kind, _ in source.news()]


def test_a_file_is_read_to_its_end_with_its_unfinished_last_line(log: Path) -> None:
    log.write_text("a\nb\nlast")
    source = FileSource(str(log))
    assert read_all(source) == ["a", "b", "last"]
    assert source.ended


def test_an_unfinished_line_waits_for_its_end(log: Path) -> None:
    log.write_text("a\nhal")
    source = FileSource(str(log), follow=True)
    assert read_all(source) == ["a"]
    assert source.unread_bytes == 0
    assert source.state()["offset"] == 2
    append(log, "f\nb\n")
    assert source.unread_bytes == 4
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
    (news,) = resumed.news()
    assert news[0] == "lost"
    assert "byte 4" in news[1]
    assert resumed.state()["file"] == 1


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
    assert kinds(source) == ["unreadable"]
    (log / "entry").unlink()
    log.rmdir()
    log.write_text("new\n")
    assert read_all(source) == ["new"]
    assert kinds(source) == ["rotated"]


def test_an_unfinished_line_is_left_for_the_next_time(log: Path) -> None:
    log.write_text("a\nhal")
    source = FileSource(str(log), keep_rest=True)
    assert read_all(source) == ["a"]
    assert source.ended
    assert source.unfinished_bytes == 3
    append(log, "f\n")
    assert read_all(FileSource(str(log), keep_rest=True, state=source.state())) == ["half"]
