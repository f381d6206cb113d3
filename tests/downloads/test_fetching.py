"""Downloads from a real server that sends what it should not, and what the cache holds afterwards."""

import errno
import hashlib
import io
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.downloads.fetching import RETRIES, cache_folder, fetch, is_here
from seqlab.errors import UserError

Held = Callable[[Path], list[str]]
CONTENT = random.Random(0).randbytes(1_000_000)
FETCH = """
import resource, sys
from pathlib import Path
from seqlab.downloads.fetching import fetch
from seqlab.downloads.registry import PublicData, PublicFile
url, root, limit, unpack = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
file = PublicFile(url.rsplit("/")[-1], url, unpack=tuple(filter(None, [unpack])))
fetch(PublicData("small", "", "", (), (file,), ()), Path(root))
"""


def zipped(*names: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in names:
            file.writestr(name, f"content of {name}")
    return archive.getvalue()


def in_another_process(url: str, root: Path, limit: int = 0, unpack: str = "") -> subprocess.Popen[str]:
    """``fetch`` that may write no file of more than ``limit`` bytes, as on a disk without room."""
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, url, str(root), str(limit), unpack], stderr=subprocess.PIPE, text=True
    )


def test_a_file_comes_once_and_is_then_there(site: Any, held: Held, tmp_path: Path) -> None:
    site.files["/data.bin"] = CONTENT
    assert not is_here(site.public(CONTENT), tmp_path)
    (first,) = fetch(site.public(CONTENT), tmp_path)
    assert first.path == tmp_path / "small" / "data.bin"
    assert first.path.read_bytes() == CONTENT
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o644
    assert (first.downloaded, first.is_known, first.num_bytes) == (True, True, 1_000_000)
    (second,) = fetch(site.public(CONTENT), tmp_path)
    assert not second.downloaded
    assert site.asked == ["/data.bin"]
    assert held(tmp_path) == ["small", "small/data.bin"]
    assert is_here(site.public(CONTENT), tmp_path)


def test_a_damaged_file_of_the_cache_is_fetched_again(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"] = CONTENT
    (first,) = fetch(site.public(CONTENT), tmp_path)
    first.path.write_bytes(CONTENT[:-1] + b"?")
    (second,) = fetch(site.public(CONTENT), tmp_path)
    assert second.downloaded
    assert second.path.read_bytes() == CONTENT


def test_wrong_checksum_names_both_sums_and_keeps_nothing(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"] = other = bytes(reversed(CONTENT))
    sums = [hashlib.sha256(content).hexdigest() for content in (CONTENT, other)]
    with pytest.raises(UserError, match=f"expected {sums[0]} but got {sums[1]}.*--mirror") as caught:
        fetch(site.public(CONTENT), tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_a_file_without_a_published_sum_is_taken_and_its_sum_told(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"] = CONTENT
    (file,) = fetch(site.public(), tmp_path)
    assert (file.is_known, file.sha256) == (False, hashlib.sha256(CONTENT).hexdigest())


def test_a_connection_that_breaks_is_tried_again(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"], site.cut["/data.bin"], site.cuts_left = CONTENT, 700_000, RETRIES
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert file.path.read_bytes() == CONTENT
    assert len(site.asked) == 1 + RETRIES


@pytest.mark.parametrize("known", [True, False])
def test_a_file_that_stays_cut_leaves_nothing(site: Any, tmp_path: Path, known: bool) -> None:
    site.files["/data.bin"], site.cut["/data.bin"] = CONTENT, 700_000
    with pytest.raises(UserError, match=r"/data\.bin: .*700000 bytes read.*--mirror"):
        fetch(site.public(CONTENT if known else None), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_not_found_leaves_no_trace(site: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"/data.bin: 404 .*Not Found.*--mirror"):
        fetch(site.public(CONTENT), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/data.bin", "http://[::1/data.bin", "no-address"])
def test_an_address_that_does_not_answer_is_one_message(site: Any, tmp_path: Path, url: str) -> None:
    with pytest.raises(UserError, match="Check the network and try again") as caught:
        fetch(site.public(CONTENT, url=url), tmp_path / "cache")
    assert str(caught.value).startswith(f"{url}: ")
    assert not (tmp_path / "cache").exists()


def test_mirror_is_laid_out_as_a_cache_and_checked_all_the_same(site: Any, tmp_path: Path) -> None:
    site.files["/pub/small/data.bin"] = CONTENT
    (file,) = fetch(site.public(CONTENT), tmp_path, mirror=f"{site.base}/pub/")
    assert file.path.read_bytes() == CONTENT
    site.files["/pub/small/data.bin"] = bytes(len(CONTENT))
    with pytest.raises(UserError, match="does not match the known hash"):
        fetch(site.public(CONTENT), tmp_path / "other", mirror=f"{site.base}/pub")


def test_archive_is_unpacked_once_and_again_where_something_is_missing(
    site: Any, held: Held, tmp_path: Path
) -> None:
    site.files["/logs.zip"] = content = zipped("a.log", "more/b.csv", "c.txt")
    data = site.public(content, "logs.zip", unpack=("a.log", "more/*"))
    fetch(data, tmp_path)
    whole = ["logs", "logs.zip", "logs/a.log", "logs/more", "logs/more/b.csv"]
    assert held(tmp_path / "small") == whole
    assert (tmp_path / "small/logs/a.log").read_text() == "content of a.log"
    before = (tmp_path / "small/logs/a.log").stat().st_ino
    fetch(data, tmp_path)
    assert (tmp_path / "small/logs/a.log").stat().st_ino == before
    (tmp_path / "small/logs/more/b.csv").unlink()
    (tmp_path / "small/logs/mine.txt").write_text("a note of the user's own")
    assert not is_here(data, tmp_path)
    fetch(data, tmp_path)
    assert held(tmp_path / "small") == sorted([*whole, "logs/mine.txt"])
    assert len(site.asked) == 1


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (zipped("a.log", "../../evil.txt"), "entry '../../evil.txt' leads out of its folder"),
        (zipped("b.log"), r"has no entry a\.log; it holds b\.log"),
        (zipped("a.log")[:-30], "damaged: "),
        (b"<html>Please log in</html>", "damaged: "),
    ],
    ids=["leads out", "other entry", "cut off", "a page"],  # not the content, which holds the time
)
def test_a_bad_archive_leaves_nothing(
    site: Any, held: Held, tmp_path: Path, content: bytes, said: str, known: bool
) -> None:
    site.files["/logs.zip"] = content
    data = site.public(content if known else None, "logs.zip", unpack=("a.log",))
    with pytest.raises(UserError, match=said):
        fetch(data, tmp_path / "deep" / "cache")
    assert held(tmp_path) == ["deep"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_download_leaves_nothing_that_looks_whole(
    site: Any, held: Held, tmp_path: Path, number: signal.Signals
) -> None:
    site.files["/data.bin"], site.cut["/data.bin"], site.stall = CONTENT, 700_000, threading.Event()
    process = in_another_process(f"{site.base}/data.bin", tmp_path)
    while not any(path.is_file() and path.stat().st_size for path in tmp_path.rglob("*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate()
    site.stall.set()
    site.cut.clear()
    assert not (tmp_path / "small" / "data.bin").exists()
    if number is signal.SIGINT:
        assert held(tmp_path) == []
    for left in tmp_path.glob("small/.arriving-*"):
        os.utime(left, (0, 0))  # a day later it is removed
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert file.path.read_bytes() == CONTENT
    assert held(tmp_path) == ["small", "small/data.bin"]


def test_a_disk_without_room_is_one_message_and_keeps_what_is_whole(
    site: Any, held: Held, tmp_path: Path
) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.log", bytes(1_000_000))
    site.files |= {"/data.bin": CONTENT, "/logs.zip": archive.getvalue()}
    plain = in_another_process(f"{site.base}/data.bin", tmp_path / "plain", 400_000)
    packed = in_another_process(f"{site.base}/logs.zip", tmp_path / "packed", 400_000, "a.log")
    for process in (plain, packed):
        last = process.communicate()[1].splitlines()[-1]
        assert last.startswith("seqlab.errors.UserError: ")
        assert f"{os.strerror(errno.EFBIG)}. Give --to or SEQLAB_DATA a folder with room" in last
    assert not (tmp_path / "plain").exists()
    assert held(tmp_path / "packed") == ["small", "small/logs.zip"]


def test_a_folder_that_cannot_be_made_is_told(site: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=f"{tmp_path}/file/small: .*Give --to or SEQLAB_DATA"):
        fetch(site.public(CONTENT), tmp_path / "file")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_cache_that_may_not_be_written(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"] = CONTENT
    fetch(site.public(CONTENT), tmp_path / "whole")
    for folder in (tmp_path / "whole" / "small", tmp_path):
        folder.chmod(0o555)
    assert not fetch(site.public(CONTENT), tmp_path / "whole")[0].downloaded
    with pytest.raises(UserError, match=r"Permission denied\. Give --to or SEQLAB_DATA"):
        fetch(site.public(CONTENT), tmp_path / "other")
    tmp_path.chmod(0o755)


def test_cache_is_what_the_variable_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEQLAB_DATA", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    assert cache_folder(tmp_path / "here") == tmp_path / "here"
    monkeypatch.delenv("SEQLAB_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().name == "seqlab"
