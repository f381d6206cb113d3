"""What an archive held: unpacked beside its place, recorded by name and size, and put there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from seqlab.downloads.archives import unpack
from seqlab.downloads.preparing import PREPARE
from seqlab.downloads.registry import PublicFile

UNPACKING = ".unpacking-"


@contextmanager
def unpacked_beside(file: PublicFile, archive: Path, beside: Path) -> Iterator[tuple[Path, dict[str, int]]]:
    """What the registry wants of an archive, in a folder of its own that is removed at the end.

    Args:
        beside: a folder of the disk where the entries are to lie in the end.

    Yields:
        The folder, and sizes in bytes by name: entries, and what is prepared of them.

    Raises:
        BadArchiveError: see ``archives.unpack``.
        UserError: no room.
        OSError: a write failed.
    """
    fresh = Path(tempfile.mkdtemp(prefix=UNPACKING, dir=beside))
    try:
        unpack(archive, fresh, file.unpack)
        if file.prepare is not None:
            PREPARE[file.prepare](fresh)
        paths = sorted(path for path in fresh.rglob("*") if path.is_file())
        yield fresh, {path.relative_to(fresh).as_posix(): path.stat().st_size for path in paths}
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def missing(folder: Path, sizes: Mapping[str, int]) -> list[str]:
    """Names that are not in the folder with their sizes."""
    return [name for name, size in sizes.items() if _size(folder / name) != size]


def lacking(folder: Path, wanted: Sequence[str]) -> list[str]:
    """Patterns of the registry that no file in the folder has."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return [pattern for pattern in wanted if not any(fnmatchcase(name, pattern) for name in names)]


def put_in_place(fresh: Path, folder: Path, names: Iterable[str], old_names: Iterable[str] = ()) -> None:
    """Move files into ``folder``; others that somebody keeps there stay, but for ``old_names``.

    Args:
        old_names: of an archive before; those that have no successor are removed.
    """
    new = set(names)
    for name in set(old_names) - new:
        (folder / name).unlink(missing_ok=True)
    for name in sorted(new):
        goal = folder / name
        goal.parent.mkdir(parents=True, exist_ok=True)
        (fresh / name).replace(goal)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None
