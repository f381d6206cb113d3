"""What is in place stays until its successor is whole, and what is missing of it is noticed and put back."""

import hashlib
import io
import os
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.downloads.fetching import fetch, is_here
from seqlab.errors import UserError

Held = Callable[[Path], list[str]]
CONTENT = random.Random(0).randbytes(1_000_000)
LOGIN = (
    b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>" + b"please " * 400 + b"</body></html>"
)


def zipped(**contents: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in contents.items():
            file.writestr(f"{name}.log", content)
    return archive.getvalue()


def everything(root: Path) -> dict[str, bytes]:
    """All files of a cache, its record included, with what they hold."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


NOT_THE_ARCHIVE = {
    "a login page": (LOGIN, "sent a web page .HTML. instead of the file.*login"),
    "a page after a blank line": (b"\r\n  <HTML>" + LOGIN, "sent a web page"),
    "a text": (b"service unavailable, come back tomorrow\n" * 50, r"logs\.zip: damaged: .*as it was"),
    "a cut archive": (zipped(a="new", b="new")[:-30], r"logs\.zip: damaged: .*as it was"),
    "another archive": (zipped(c="new"), r"logs\.zip: has no entry a\.log; it holds c\.log.*as it was"),
}


@pytest.mark.parametrize("kind", NOT_THE_ARCHIVE)
def test_renew_that_gets_something_else_leaves_the_cache_as_it_was(
    site: Any, tmp_path: Path, kind: str
) -> None:
    data = site.public(None, "logs.zip", unpack=("a.log", "b.log"))
    site.files["/logs.zip"] = zipped(a="one", b="two")
    (first,) = fetch(data, tmp_path)
    before = everything(tmp_path)
    came, said = NOT_THE_ARCHIVE[kind]
    site.files["/logs.zip"] = came
    with pytest.raises(UserError, match=said):
        fetch(data, tmp_path, renew=True)
    assert everything(tmp_path) == before
    (again,) = fetch(data, tmp_path)
    assert (again.downloaded, again.sum_from, again.sha256) == (False, "record", first.sha256)
    assert again.notes == ()


def test_renew_of_a_plain_file_is_not_fooled_by_a_login_page(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"] = CONTENT
    fetch(site.public(), tmp_path)
    before = everything(tmp_path)
    site.files["/data.bin"] = b"Please log in"  # HTML by its header alone
    site.types["/data.bin"] = "text/html; charset=utf-8"
    with pytest.raises(UserError, match="sent a web page"):
        fetch(site.public(), tmp_path, renew=True)
    assert everything(tmp_path) == before


def test_a_header_that_says_html_does_not_matter_where_the_sum_is_known(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"], site.types["/data.bin"] = CONTENT, "text/html"
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert file.path.read_bytes() == CONTENT


def test_a_login_page_in_the_midst_of_a_download_keeps_the_part(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"], site.cut["/data.bin"] = CONTENT, 700_000
    with pytest.raises(UserError, match="700,000"):
        fetch(site.public(CONTENT), tmp_path)
    site.cut.clear()
    site.files["/data.bin"], site.ranges = LOGIN, False
    with pytest.raises(UserError, match="sent a web page"):
        fetch(site.public(CONTENT), tmp_path)
    assert (tmp_path / "small" / "data.bin.part").read_bytes() == CONTENT[:700_000]
    site.files["/data.bin"], site.ranges = CONTENT, True
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert site.asked[-1] == ("/data.bin", "bytes=700000-")
    assert file.path.read_bytes() == CONTENT


def test_renew_replaces_file_sum_and_what_was_unpacked(site: Any, held: Held, tmp_path: Path) -> None:
    data = site.public(None, "logs.zip", unpack=("*",))
    site.files["/logs.zip"] = zipped(a="one", b="two")
    fetch(data, tmp_path)
    (tmp_path / "small" / "logs" / "mine.txt").write_text("a note of the user's own")
    site.files["/logs.zip"] = new = zipped(a="three", c="four")
    (renewed,) = fetch(data, tmp_path, renew=True)
    assert (renewed.downloaded, renewed.sum_from) == (True, "first")
    assert renewed.sha256 == hashlib.sha256(new).hexdigest()
    assert held(tmp_path / "small") == ["logs", "logs.zip", "logs/a.log", "logs/c.log", "logs/mine.txt"]
    assert (tmp_path / "small" / "logs" / "a.log").read_text() == "three"
    (again,) = fetch(data, tmp_path)
    assert (again.downloaded, again.notes) == (False, ())


def test_a_missing_unpacked_file_is_unpacked_again_and_said_so(site: Any, held: Held, tmp_path: Path) -> None:
    site.files["/logs.zip"] = content = zipped(a="one", b="two", c="three")
    data = site.public(content, "logs.zip", unpack=("*",))
    fetch(data, tmp_path)
    folder = tmp_path / "small" / "logs"
    whole = held(tmp_path)
    assert is_here(data, tmp_path)
    (folder / "a.log").unlink()
    (folder / "b.log").write_text("tw")
    (folder / "mine.txt").write_text("kept")
    untouched = (folder / "c.log").stat().st_ino
    assert not is_here(data, tmp_path)
    (again,) = fetch(data, tmp_path)
    assert not again.downloaded
    assert again.notes == (
        "a.log, b.log (2 files) were missing or of another size: unpacked again from logs.zip",
    )
    assert len(site.asked) == 1
    assert held(tmp_path) == sorted([*whole, "small/logs/mine.txt"])
    assert [(folder / name).read_text() for name in ("a.log", "b.log")] == ["one", "two"]
    assert (folder / "c.log").stat().st_ino == untouched
    (last,) = fetch(data, tmp_path)
    assert last.notes == ()


@pytest.mark.parametrize("known", [True, False])
def test_a_file_is_fetched_again_where_the_archive_is_gone_too(
    site: Any, tmp_path: Path, known: bool
) -> None:
    site.files["/logs.zip"] = content = zipped(a="one", b="two")
    data = site.public(content if known else None, "logs.zip", unpack=("*",))
    fetch(data, tmp_path)
    (tmp_path / "small" / "logs.zip").unlink()
    (tmp_path / "small" / "logs" / "a.log").unlink()
    assert not is_here(data, tmp_path)
    (again,) = fetch(data, tmp_path)
    assert again.downloaded
    assert again.notes == ("logs.zip was gone: fetched again",)
    assert (tmp_path / "small" / "logs" / "a.log").read_text() == "one"


def test_a_damaged_file_is_named_with_both_sums_and_kept_until_a_better_one_is_here(
    site: Any, tmp_path: Path
) -> None:
    site.files["/data.bin"] = CONTENT
    (first,) = fetch(site.public(CONTENT), tmp_path)
    first.path.write_bytes(b"damaged")
    site.files["/data.bin"] = bytes(len(CONTENT))
    with pytest.raises(UserError, match="wrong checksum") as caught:
        fetch(site.public(CONTENT), tmp_path)
    sums = [hashlib.sha256(content).hexdigest() for content in (bytes(len(CONTENT)), CONTENT)]
    assert f"sha256 {sums[0]}, but the published file has {sums[1]}" in str(caught.value)
    assert first.path.read_bytes() == b"damaged"
    site.files["/data.bin"] = CONTENT
    (again,) = fetch(site.public(CONTENT), tmp_path)
    was = hashlib.sha256(b"damaged").hexdigest()
    assert again.notes == (f"data.bin had sha256 {was}, not {sums[1]}: fetched again",)
    assert again.path.read_bytes() == CONTENT


def test_a_page_that_was_saved_by_hand_as_the_archive_is_replaced(site: Any, tmp_path: Path) -> None:
    site.files["/logs.zip"] = zipped(a="one")
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "logs.zip").write_bytes(LOGIN)
    (file,) = fetch(site.public(None, "logs.zip", unpack=("*",)), tmp_path)
    assert file.downloaded
    assert len(file.notes) == 1
    assert file.notes[0].startswith("logs.zip: damaged: ")
    assert (tmp_path / "small" / "logs" / "a.log").read_text() == "one"


def test_an_address_that_cannot_be_asked_is_told_without_a_sum(site: Any, tmp_path: Path) -> None:
    data = site.public(CONTENT, url="http://[::1/data.bin")
    with pytest.raises(UserError, match=r"http://\[::1/data.bin: cannot be fetched: ") as caught:
        fetch(data, tmp_path / "cache")
    assert "None" not in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_a_renewal_that_cannot_be_unpacked_for_want_of_a_folder_keeps_the_old(
    site: Any, tmp_path: Path
) -> None:
    """Renames fail where a folder has a file's name; the record then still tells of the old archive."""
    data = site.public(None, "logs.zip", unpack=("*",))
    site.files["/logs.zip"] = old = zipped(a="one")
    (first,) = fetch(data, tmp_path)
    os.makedirs(tmp_path / "small" / "logs" / "b.log" / "inner")
    site.files["/logs.zip"] = zipped(b="two")
    with pytest.raises(UserError, match=r"b\.log"):
        fetch(data, tmp_path, renew=True)
    (again,) = fetch(data, tmp_path)
    assert (again.downloaded, again.sha256) == (False, first.sha256)
    assert again.path.read_bytes() == old
    assert (tmp_path / "small" / "logs" / "a.log").read_text() == "one"
