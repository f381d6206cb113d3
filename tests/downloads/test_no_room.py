"""Disks that are full, small or limited: what came is removed, what is whole stays."""

import errno
import io
import os
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqlab.downloads.fetching import fetch
from seqlab.errors import UserError

Held = Callable[[Path], list[str]]
CONTENT = random.Random(0).randbytes(1_000_000)
FETCH_UNDER_A_LIMIT = """
import resource, sys
from pathlib import Path
from seqlab.downloads.fetching import fetch
from seqlab.downloads.registry import PublicData, PublicFile
from seqlab.errors import UserError
url, root, limit, unpack = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
file = PublicFile(url.rsplit("/", 1)[1], url, unpack=tuple(filter(None, [unpack])))
try:
    fetch(PublicData("small", "", "", (), (file,), ()), Path(root))
except UserError as error:
    print(error)
"""


def under_a_limit(url: str, root: Path, limit: int, unpack: str = "") -> str:
    """What ``fetch`` says in a process that may write no file larger than ``limit`` bytes."""
    arguments = [sys.executable, "-c", FETCH_UNDER_A_LIMIT, url, str(root), str(limit), unpack]
    return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout


def test_a_write_that_fails_leaves_nothing(site: Any, tmp_path: Path) -> None:
    site.files["/data.bin"] = CONTENT
    said = under_a_limit(f"{site.base}/data.bin", tmp_path / "cache", 400_000)
    assert f"no room left ({os.strerror(errno.EFBIG)})" in said
    assert not (tmp_path / "cache").exists()


def test_an_archive_that_cannot_be_written_out_stays_whole(site: Any, held: Held, tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.log", bytes(1_000_000))
    site.files["/logs.zip"] = archive.getvalue()
    said = under_a_limit(f"{site.base}/logs.zip", tmp_path, 400_000, "a.log")
    assert f"no room left ({os.strerror(errno.EFBIG)})" in said
    assert held(tmp_path) == ["small", "small/logs.zip"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_leaves_nothing(site: Any, held: Held, small_disk: Path) -> None:
    site.files["/data.bin"] = CONTENT
    with pytest.raises(UserError, match=f"no room left .{os.strerror(errno.ENOSPC)}"):
        fetch(site.public(), small_disk)
    assert held(small_disk) == []
    assert not (small_disk / "downloads.json").exists()


def test_a_file_larger_than_the_disk_is_not_begun(site: Any, held: Held, small_disk: Path) -> None:
    site.files["/data.bin"] = CONTENT
    with pytest.raises(UserError, match=r"no room left: 1,000,000 bytes are to come, \d+,\d+ free"):
        fetch(site.public(CONTENT), small_disk)
    assert held(small_disk) == []
    assert site.asked == []


def test_an_archive_larger_than_the_disk_is_not_begun(site: Any, held: Held, small_disk: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.log", bytes(1_000_000))
    site.files["/logs.zip"] = archive.getvalue()
    with pytest.raises(UserError, match=r"no room left: logs.zip unpacks to 1,000,000 bytes, \d+,\d+ free"):
        fetch(site.public(archive.getvalue(), "logs.zip", unpack=("a.log",)), small_disk)
    assert held(small_disk) == ["small", "small/logs.zip"]
