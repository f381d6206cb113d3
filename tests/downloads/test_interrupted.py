"""Ctrl-C and kills after a file's last byte: what came whole is not fetched again, what was there stays."""

import hashlib
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.downloads.fetching import fetch
from seqlab.downloads.preparing import PREPARE
from seqlab.errors import UserError
from tests.downloads.test_placing import zipped

Held = Callable[[Path], list[str]]
CONTENT = random.Random(0).randbytes(1_000_000)
PREPARED = "test_interrupted"
ENDED_WHILE_UNPACKING = """
import os, sys
from pathlib import Path
from seqlab.downloads.fetching import fetch
from seqlab.downloads.preparing import PREPARE
from seqlab.downloads.registry import PublicData, PublicFile
url, root, number, sha256, renew = sys.argv[1:]
PREPARE["ended"] = lambda folder: os.kill(os.getpid(), int(number))
file = PublicFile("logs.zip", url, sha256 or None, unpack=("*",), prepare="ended")
fetch(PublicData("small", "", "", (), (file,), ()), Path(root), renew=bool(renew))
"""


def end_while_unpacking(
    site: Any, root: Path, number: signal.Signals, *, known: bool = False, renew: bool = False
) -> None:
    """A process that fetches logs.zip and gets a signal when its entries are unpacked beside their place."""
    sha256 = hashlib.sha256(site.files["/logs.zip"]).hexdigest() if known else ""
    arguments = [f"{site.base}/logs.zip", str(root), str(int(number)), sha256, "renew" if renew else ""]
    done = subprocess.run(
        [sys.executable, "-c", ENDED_WHILE_UNPACKING, *arguments], check=False, stderr=subprocess.DEVNULL
    )
    assert done.returncode == -number
    site.asked.clear()


@pytest.fixture
def break_off(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Has Ctrl-C come whenever a file with ``prepare=PREPARED`` is unpacked, until it is called."""

    def interrupt(folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(PREPARE, PREPARED, interrupt)
    return lambda: monkeypatch.setitem(PREPARE, PREPARED, lambda folder: None)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_archive_stays_when_its_unpacking_is_ended(
    site: Any, held: Held, tmp_path: Path, number: signal.Signals, known: bool
) -> None:
    site.files["/logs.zip"] = content = zipped(a="one")
    site.validators = site.ranges = False
    end_while_unpacking(site, tmp_path, number, known=known)
    assert (tmp_path / "small" / "logs.zip").read_bytes() == content
    if number is signal.SIGINT:
        assert held(tmp_path) == ["small", "small/logs.zip"]
    (file,) = fetch(site.public(content if known else None, "logs.zip", unpack=("*",)), tmp_path)
    assert site.asked == []
    assert (file.downloaded, file.sum_from) == (False, "registry" if known else "first")
    assert held(tmp_path) == ["small", "small/logs", "small/logs.zip", "small/logs/a.log"]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_renewal_whose_unpacking_is_ended_loses_neither_file(
    site: Any, held: Held, tmp_path: Path, number: signal.Signals, ranges: bool
) -> None:
    data = site.public(None, "logs.zip", unpack=("*",))
    site.files["/logs.zip"] = old = zipped(a="one")
    fetch(data, tmp_path)
    site.files["/logs.zip"], site.ranges = zipped(b="two"), ranges
    end_while_unpacking(site, tmp_path, number, renew=True)
    (kept,) = fetch(data, tmp_path)
    assert (kept.downloaded, kept.path.read_bytes(), site.asked) == (False, old, [])
    assert (tmp_path / "small" / "logs" / "a.log").read_text() == "one"
    came: list[int] = []
    (new,) = fetch(data, tmp_path, renew=True, progress=lambda name: lambda done, total: came.append(done))
    assert new.path.read_bytes() == site.files["/logs.zip"]
    assert came == []  # the server only says that it has no other file
    assert len(site.asked) == 1
    assert held(tmp_path) == ["small", "small/logs", "small/logs.zip", "small/logs/b.log"]
    assert "parts" not in (tmp_path / "downloads.json").read_text()


@pytest.mark.parametrize("ranges", [True, False])
def test_a_renewal_gone_on_with_takes_the_newest_file(
    site: Any, tmp_path: Path, break_off: Callable[[], None], ranges: bool
) -> None:
    """The one that was interrupted is of the same length."""
    data = site.public(None, "logs.zip", unpack=("*",), prepare=PREPARED)
    site.files["/logs.zip"], site.ranges = zipped(a="one"), ranges
    fetch(site.public(None, "logs.zip", unpack=("*",)), tmp_path)
    site.files["/logs.zip"] = zipped(b="two")
    with pytest.raises(KeyboardInterrupt):
        fetch(data, tmp_path, renew=True)
    break_off()
    site.files["/logs.zip"] = newest = zipped(b="six")
    (file,) = fetch(data, tmp_path, renew=True)
    assert file.path.read_bytes() == newest
    assert (tmp_path / "small" / "logs" / "b.log").read_text() == "six"


def test_a_whole_archive_in_the_place_of_a_damaged_one_stays(
    site: Any, held: Held, tmp_path: Path, break_off: Callable[[], None]
) -> None:
    site.files["/logs.zip"] = content = zipped(a="one")
    fetch(site.public(content, "logs.zip", unpack=("*",)), tmp_path)
    (tmp_path / "small" / "logs.zip").write_bytes(content[:-1])
    with pytest.raises(KeyboardInterrupt):
        fetch(site.public(content, "logs.zip", unpack=("*",), prepare=PREPARED), tmp_path)
    assert held(tmp_path) == ["small", "small/logs", "small/logs.zip", "small/logs/a.log"]
    assert (tmp_path / "small" / "logs.zip").read_bytes() == content


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("check", ["hashlib.file_digest", "pooch.core.hash_matches"])
def test_a_file_stays_when_the_check_of_its_sum_is_broken_off(
    site: Any, held: Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool, check: str
) -> None:
    site.files["/data.bin"] = CONTENT
    site.validators = site.ranges = False
    data = site.public(CONTENT if known else None)

    def interrupt(*arguments: Any, **settings: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(check, interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch(data, tmp_path)
    assert held(tmp_path) == ["small", "small/data.bin.part" if known else "small/data.bin"]
    site.asked.clear()
    (file,) = fetch(data, tmp_path)
    assert (file.path.read_bytes(), site.asked) == (CONTENT, [])
    assert held(tmp_path) == ["small", "small/data.bin"]


def test_a_kill_between_record_and_rename_needs_no_server(site: Any, held: Held, tmp_path: Path) -> None:
    """The record has the new sum, the old file is still there, the new one is whole beside it."""
    data = site.public(None, "logs.zip", unpack=("*",))
    site.files["/logs.zip"] = old = zipped(a="one")
    fetch(data, tmp_path)
    site.files["/logs.zip"] = new = zipped(a="two")
    fetch(data, tmp_path, renew=True)
    (tmp_path / "small" / "logs.zip").replace(tmp_path / "small" / "logs.zip.part")
    (tmp_path / "small" / "logs.zip").write_bytes(old)
    site.files.clear()
    (file,) = fetch(data, tmp_path)
    assert file.path.read_bytes() == new
    assert held(tmp_path) == ["small", "small/logs", "small/logs.zip", "small/logs/a.log"]


@pytest.mark.parametrize("known", [True, False])
def test_disks_without_links_do_as_well(
    site: Any,
    held: Held,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    break_off: Callable[[], None],
    known: bool,
) -> None:
    def refuse(*arguments: Any, **settings: Any) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("os.symlink", refuse)
    site.files["/logs.zip"] = content = zipped(a="one")
    data = site.public(content if known else None, "logs.zip", unpack=("*",), prepare=PREPARED)
    with pytest.raises(KeyboardInterrupt):
        fetch(data, tmp_path)
    assert held(tmp_path) == ["small", "small/logs.zip"]
    break_off()
    fetch(data, tmp_path)
    assert len(site.asked) == 1
    if not known:
        site.files["/logs.zip"] = new = zipped(a="two")
        (file,) = fetch(data, tmp_path, renew=True)
        assert file.path.read_bytes() == new
    site.files["/logs.zip"] = bytes(reversed(content))
    (tmp_path / "small" / "logs.zip").unlink()
    with pytest.raises(UserError, match="wrong checksum"):
        fetch(data, tmp_path)
    assert held(tmp_path) == ["small", "small/logs", "small/logs/a.log"]
