import os
from pathlib import Path

import pytest

from seqlab.watching.lines import split_lines
from seqlab.watching.tail import FileSource


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


def test_rotation_reads_the_old_file_to_its_end_and_the_new_one_from_its_start(log: Path) -> None:
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
