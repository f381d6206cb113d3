"""Caches that an older version filled: their record has of what was unpacked the archive's sum alone."""

import io
import json
import os
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seqlab.downloads.fetching import fetch, is_here
from seqlab.downloads.registry import PublicData
from seqlab.errors import UserError

Held = Callable[[Path], list[str]]
UNPACK = ("a.log", "more/*")
WHOLE = [
    "small",
    "small/logs",
    "small/logs.zip",
    "small/logs/a.log",
    "small/logs/more",
    "small/logs/more/b.log",
]


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody can write there: by modes, or for root, whom they do not stop, by a read-only mount."""
    if os.geteuid():
        folders = [str(folder), *(str(path) for path in folder.rglob("*") if path.is_dir())]
        make, undo = ["chmod", "a-w", *folders], ["chmod", "u+w", *folders]
    else:
        make, undo = ["mount", "--bind", "-o", "ro", str(folder), str(folder)], ["umount", str(folder)]
    made = subprocess.run(make, check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"nothing can be mounted here: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(undo, check=True)


@pytest.fixture
def older(site: Any, tmp_path: Path) -> tuple[PublicData, Path]:
    """A set, and a cache that has it as an older version left it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writing:
        for name in ("a.log", "more/b.log", "c.log"):
            writing.writestr(name, name)
    site.files["/logs.zip"] = archive.getvalue()
    data, root = site.public(archive.getvalue(), "logs.zip", unpack=UNPACK), tmp_path / "cache"
    (file,) = fetch(data, root)
    write_unpacked(root, file.sha256)
    site.asked.clear()
    return data, root


def write_unpacked(root: Path, entry: Any) -> None:
    record = json.loads((root / "downloads.json").read_text())
    record["unpacked"] = {} if entry is None else {"small/logs.zip": entry}
    (root / "downloads.json").write_text(json.dumps(record))


def test_one_that_is_read_only_is_taken_as_it_is(
    site: Any, held: Held, older: tuple[PublicData, Path]
) -> None:
    data, root = older
    with read_only(root):
        assert is_here(data, root)
        (file,) = fetch(data, root)
    assert (file.downloaded, file.notes, site.asked) == (False, (), [])
    assert held(root) == WHOLE


def test_one_that_can_be_written_gets_the_names(
    site: Any, held: Held, older: tuple[PublicData, Path]
) -> None:
    data, root = older
    (file,) = fetch(data, root)
    entry = json.loads((root / "downloads.json").read_text())["unpacked"]["small/logs.zip"]
    assert entry == {"sha256": file.sha256, "files": {"a.log": 5, "more/b.log": 10}}
    assert (file.downloaded, file.notes, site.asked) == (False, (), [])
    assert held(root) == WHOLE


@pytest.mark.parametrize(
    "wrong", ["a file is gone", "unpacked of another archive", "unpacking was broken off"]
)
def test_one_that_is_read_only_and_not_whole_is_an_error(older: tuple[PublicData, Path], wrong: str) -> None:
    data, root = older
    if wrong == "a file is gone":
        (root / "small" / "logs" / "more" / "b.log").unlink()
    else:
        write_unpacked(root, "0" * 64 if wrong == "unpacked of another archive" else None)
    with (
        read_only(root),
        pytest.raises(UserError, match=r"(Read-only .*|Permission denied); SEQLAB_DATA or --to"),
    ):
        fetch(data, root)
