"""Downloads from a real server that sends what it should not, and what the cache holds afterwards."""

import hashlib
import io
import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from seqlab.downloads.fetching import cache_folder, checked_mirror, fetch
from seqlab.errors import UserError

Held = Callable[[Path], list[str]]
CONTENT = random.Random(0).randbytes(1_000_000)


def zipped(*names: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name in names:
            file.writestr(name, f"content of {name}")
    return archive.getvalue()


def test_a_file_comes_once_and_is_then_there(site: Any, held: Held, tmp_path: Path) -> None:
    site.files["/data.bin"] = CONTENT
    (first,) = fetch(site.public(CONTENT), tmp_path)
    assert first.path == tmp_path / "small" / "data.bin"
    assert first.path.read_bytes() == CONTENT
    assert (first.downloaded, first.sum_from, first.num_bytes) == (True, "registry", 1_000_000)
    (second,) = fetch(site.public(CONTENT), tmp_path)
    assert not second.downloaded
    assert len(site.asked) == 1
    assert held(tmp_path) == ["small", "small/data.bin"]


def test_a_damaged_file_of_the_cache_is_fetched_again(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"] = CONTENT
    (first,) = fetch(site.public(CONTENT), tmp_path)
    first.path.write_bytes(CONTENT[:-1] + b"?")
    (second,) = fetch(site.public(CONTENT), tmp_path)
    assert second.downloaded
    assert second.path.read_bytes() == CONTENT


def test_wrong_checksum_names_both_sums_and_keeps_nothing(site: Any, tmp_path: Path) -> None:
    other = bytes(reversed(CONTENT))
    site.files["/data.bin"] = other
    sums = [hashlib.sha256(content).hexdigest() for content in (other, CONTENT)]
    with pytest.raises(UserError, match=f"wrong checksum: sha256 {sums[0]}, but .* has {sums[1]}"):
        fetch(site.public(CONTENT), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_another_size_is_refused_before_it_is_fetched(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"] = CONTENT + b"!"
    with pytest.raises(UserError, match="the server has 1,000,001 bytes, the published file has 1,000,000"):
        fetch(site.public(CONTENT), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("lengths", [True, False])
def test_a_cut_file_keeps_its_part_and_is_gone_on_with(
    site: Any, held: Held, tmp_path: Path, lengths: bool
) -> None:
    site.files["/data.bin"], site.cut["/data.bin"], site.lengths = CONTENT, 700_000, lengths
    with pytest.raises(
        UserError, match=r"the connection ended after 700,000 of 1,000,000 bytes.*the same command"
    ):
        fetch(site.public(CONTENT), tmp_path)
    assert held(tmp_path) == ["small", "small/data.bin.part"]
    site.cut.clear()
    site.asked.clear()
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert site.asked == [("/data.bin", "bytes=700000-")]
    assert file.path.read_bytes() == CONTENT
    assert held(tmp_path) == ["small", "small/data.bin"]
    assert "parts" not in json.loads((tmp_path / "downloads.json").read_text())


def test_a_connection_that_breaks_is_taken_up_at_once_while_it_brings_something(
    site: Any, tmp_path: Path
) -> None:
    site.files["/data.bin"], site.cut_each["/data.bin"] = CONTENT, 300_000
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert file.path.read_bytes() == CONTENT
    assert [wanted for _, wanted in site.asked] == [None, "bytes=300000-", "bytes=600000-", "bytes=900000-"]


def test_a_server_without_ranges_begins_again(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"], site.cut["/data.bin"], site.ranges = CONTENT, 700_000, False
    with pytest.raises(UserError, match="700,000 of 1,000,000"):
        fetch(site.public(CONTENT), tmp_path)
    site.cut.clear()
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert file.path.read_bytes() == CONTENT


def test_a_whole_part_needs_no_more_bytes(site: Any, tmp_path: Path) -> None:
    """As after a kill between the last byte and the check."""
    site.files["/data.bin"] = CONTENT
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "data.bin.part").write_bytes(CONTENT)
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert file.path.read_bytes() == CONTENT
    assert site.asked == []


def test_a_part_of_the_whole_length_with_other_bytes_is_fetched_anew(site: Any, tmp_path: Path) -> None:
    """The server answers 416: it has no more than that."""
    site.files["/data.bin"] = CONTENT
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "data.bin.part").write_bytes(bytes(reversed(CONTENT)))
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert file.path.read_bytes() == CONTENT
    assert site.asked == [("/data.bin", "bytes=1000000-"), ("/data.bin", None)]


def test_a_foreign_part_that_is_too_long_is_dropped(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"] = CONTENT
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "data.bin.part").write_bytes(CONTENT + CONTENT)
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert file.path.read_bytes() == CONTENT


def test_a_part_of_a_file_that_changed_is_not_mixed_with_the_new_one(site: Any, tmp_path: Path) -> None:
    """No sum is known, so only the server's ETag can tell."""
    site.files["/data.bin"], site.cut["/data.bin"] = CONTENT, 700_000
    with pytest.raises(UserError, match="700,000 bytes"):
        fetch(site.public(), tmp_path)
    site.cut.clear()
    site.files["/data.bin"] = new = bytes(reversed(CONTENT))
    (file,) = fetch(site.public(), tmp_path)
    assert file.path.read_bytes() == new


@pytest.mark.parametrize("known", [True, False])
def test_not_found_leaves_no_trace(site: Any, tmp_path: Path, known: bool) -> None:
    with pytest.raises(UserError, match=r"/data.bin: the server answered 404 Not Found.*--mirror"):
        fetch(site.public(CONTENT if known else None), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_first_download_is_trusted_and_later_ones_must_equal_it(
    site: Any, held: Held, tmp_path: Path
) -> None:
    site.files["/data.bin"] = CONTENT
    (first,) = fetch(site.public(), tmp_path)
    assert first.sum_from == "first"
    assert first.sha256 == hashlib.sha256(CONTENT).hexdigest()
    (again,) = fetch(site.public(), tmp_path)
    assert (again.sum_from, again.downloaded, again.since) == ("record", False, first.since)
    again.path.unlink()
    site.files["/data.bin"] = new = bytes(reversed(CONTENT))
    with pytest.raises(
        UserError, match=f"but the first download of {first.since} has {first.sha256}.*--renew"
    ):
        fetch(site.public(), tmp_path)
    assert held(tmp_path) == []
    (renewed,) = fetch(site.public(), tmp_path, renew=True)
    assert renewed.sum_from == "first"
    assert renewed.path.read_bytes() == new
    (kept,) = fetch(site.public(), tmp_path)
    assert kept.sha256 == renewed.sha256


def test_renew_that_fails_keeps_the_old_file(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"] = CONTENT
    (first,) = fetch(site.public(), tmp_path)
    site.files.clear()
    with pytest.raises(UserError, match="404"):
        fetch(site.public(), tmp_path, renew=True)
    assert first.path.read_bytes() == CONTENT


def test_mirror_is_laid_out_as_a_cache_and_checked_all_the_same(site: Any, tmp_path: Path) -> None:
    site.files["/pub/small/data.bin"] = CONTENT
    (file,) = fetch(site.public(CONTENT), tmp_path, mirror=f"{site.base}/pub")
    assert file.path.read_bytes() == CONTENT
    site.files["/pub/small/data.bin"] = bytes(len(CONTENT))
    with pytest.raises(UserError, match="wrong checksum"):
        fetch(site.public(CONTENT), tmp_path / "other", mirror=f"{site.base}/pub")
    with pytest.raises(
        UserError, match=r"--mirror /mnt/x: it begins .*; give an address as http://host:8000"
    ):
        checked_mirror("/mnt/x")


def test_archive_is_unpacked_once(site: Any, held: Held, tmp_path: Path) -> None:
    site.files["/logs.zip"] = content = zipped("a.log", "more/b.csv", "c.txt")
    data = site.public(content, "logs.zip", unpack=("a.log", "more/*"))
    fetch(data, tmp_path)
    assert held(tmp_path / "small") == ["logs", "logs.zip", "logs/a.log", "logs/more", "logs/more/b.csv"]
    assert (tmp_path / "small/logs/a.log").read_text() == "content of a.log"
    before = (tmp_path / "small/logs").stat().st_ino
    fetch(data, tmp_path)
    assert (tmp_path / "small/logs").stat().st_ino == before
    shutil.rmtree(tmp_path / "small/logs")
    fetch(data, tmp_path)
    assert (tmp_path / "small/logs/a.log").exists()
    assert len(site.asked) == 1


@pytest.mark.parametrize("known", [True, False])
def test_archive_with_an_escaping_entry_leaves_nothing(
    site: Any, held: Held, tmp_path: Path, known: bool
) -> None:
    site.files["/logs.zip"] = content = zipped("a.log", "../../evil.txt")
    data = site.public(content if known else None, "logs.zip", unpack=("a.log",))
    with pytest.raises(UserError, match=r"entry '../../evil.txt' would be written outside its folder"):
        fetch(data, tmp_path / "deep" / "cache")
    assert held(tmp_path) == (["deep"])
    assert not list(tmp_path.rglob("evil.txt"))


def test_left_overs_of_a_killed_process_are_removed(site: Any, held: Held, tmp_path: Path) -> None:
    site.files["/data.bin"] = CONTENT
    for name in (".unpacking-abc", ".arriving-abc"):
        (tmp_path / "small" / name).mkdir(parents=True)
        (tmp_path / "small" / name / "data.bin").write_text("half")
    fetch(site.public(), tmp_path)
    assert held(tmp_path) == ["small", "small/data.bin"]
    assert (tmp_path / "small" / "data.bin").read_bytes() == CONTENT


def test_two_downloads_into_one_folder_do_not_mix(site: Any, tmp_path: Path) -> None:
    with (
        FileLock(tmp_path / ".small.lock"),
        pytest.raises(UserError, match="another download is writing there"),
    ):
        fetch(site.public(CONTENT), tmp_path)


FETCH = """
import sys
from pathlib import Path
from seqlab.downloads.fetching import fetch
from seqlab.downloads.registry import PublicData, PublicFile
url, root, sha256 = sys.argv[1:]
def progress(name):
    return lambda done, total: print(done, flush=True)
file = PublicFile("data.bin", url, sha256)
fetch(PublicData("small", "", "", (), (file,), ()), Path(root), progress=progress)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_download_is_gone_on_with(
    site: Any, held: Held, tmp_path: Path, number: signal.Signals
) -> None:
    site.files["/data.bin"], site.cut["/data.bin"], site.stall = CONTENT, 700_000, threading.Event()
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    process = subprocess.Popen(
        [sys.executable, "-c", FETCH, f"{site.base}/data.bin", str(tmp_path), sha256],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    first = int(process.stdout.readline())
    process.send_signal(number)
    process.wait()
    site.stall.set()
    site.cut.clear()
    process.stdout.close()
    part = tmp_path / "small" / "data.bin.part"
    assert first <= part.stat().st_size <= 700_000
    if number is signal.SIGINT:
        assert held(tmp_path) == ["small", "small/data.bin.part"]
    (file,) = fetch(site.public(CONTENT), tmp_path)
    assert file.path.read_bytes() == CONTENT
    assert held(tmp_path) == ["small", "small/data.bin"]
    assert site.asked[-1][1] is not None


def test_a_folder_that_cannot_be_made_is_told(site: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="SEQLAB_DATA or --to"):
        fetch(site.public(CONTENT), tmp_path / "file")


def test_cache_is_what_the_variable_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SEQLAB_DATA", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    assert cache_folder(tmp_path / "here") == tmp_path / "here"
    monkeypatch.delenv("SEQLAB_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder().name == "seqlab"
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY  # no test has set it here
