import gzip
from pathlib import Path

import pytest

from seqlab.data.text_files import read_lines
from seqlab.errors import UserError


def write(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def test_lines_of_a_plain_and_of_a_packed_file(tmp_path: Path) -> None:
    content = "\ufeff가나\r\n\r\nb\u2028c\n".encode()
    assert read_lines(write(tmp_path, "a.txt", content)) == ["가나", "", "b\u2028c"]
    assert read_lines(write(tmp_path, "a.txt.gz", gzip.compress(content))) == ["가나", "", "b\u2028c"]


def test_the_last_line_may_lack_its_end(tmp_path: Path) -> None:
    assert read_lines(write(tmp_path, "a.txt", b"a\nb")) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"", r"a\.txt: the file is empty; expected text, one sentence a line"),
        ("a.txt", b" \n\n", r"a\.txt: the file is empty"),
        ("a.txt", b"ok\nok\ncaf\xe9\n", r"a\.txt, line 3: byte 0xe9 is not UTF-8 text"),
        ("a.txt.gz", b"plain", r"a\.txt\.gz: cannot be unpacked"),
        ("a.txt.gz", gzip.compress(b"much text" * 9, mtime=0)[:20], r"a\.txt\.gz: cannot be unpacked"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read_lines(write(tmp_path, name, content))


def test_a_missing_file_is_told_with_the_folder_it_was_looked_for_in(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.txt: no such file; the path is relative to "):
        read_lines(tmp_path / "none.txt")


def test_a_bad_byte_after_a_byte_order_mark_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bom.txt"
    path.write_bytes(b"\xef\xbb\xbfab\n\xff\n")
    with pytest.raises(UserError, match=r"bom\.txt, line 2: byte 0xff is not UTF-8"):
        read_lines(path)
