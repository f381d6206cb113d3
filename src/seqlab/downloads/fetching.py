"""A public data set into a cache folder: downloaded, checked and unpacked by pooch."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from seqlab.downloads.registry import PublicData, PublicFile
from seqlab.downloads.unpacking import PREPARE, BadArchiveError, folder_name, unpack
from seqlab.errors import UserError
from seqlab.progress import bar

CACHE_VARIABLE = "SEQLAB_DATA"
ARRIVING = ".arriving-"  # folders of files that are not whole yet
DAY = 86_400  # seconds after which such a folder is one of a process that was killed
RETRIES = 3  # after 1, 2 and 3 seconds
TIMEOUT = 30  # seconds without a byte


@dataclass(frozen=True)
class Fetched:
    """A file that is in the cache now."""

    path: Path
    sha256: str
    num_bytes: int
    downloaded: bool  # False: it was there
    is_known: bool  # whether the registry holds its sum


def cache_folder(given: Path | None = None) -> Path:
    """``given``, else what SEQLAB_DATA names, else the user's cache folder of this system."""
    import pooch

    chosen = given or os.environ.get(CACHE_VARIABLE) or pooch.os_cache("seqlab")
    return Path(chosen).expanduser().absolute()


def fetch(data: PublicData, root: Path, mirror: str | None = None) -> list[Fetched]:
    """Put a set's files under ``root/NAME``; what is there and whole is not fetched again.

    Args:
        root: the cache, which need not exist.
        mirror: an address that has ``NAME/FILE`` below it, instead of the published ones.

    Raises:
        UserError: no network, no such file, a wrong sum, a bad archive, no room, no rights. What is in place
            is whole: files arrive in a folder of their own.
    """
    import requests

    folder = root / data.name
    made = [path for path in (folder, root) if not path.exists()]
    fetched = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        for file in data.files:
            url = f"{mirror.rstrip('/')}/{quote(f'{data.name}/{file.file}')}" if mirror else file.url
            fetched.append(_fetch(file, folder, url))
        return fetched
    except requests.RequestException as error:
        raise UserError(f"{url}: {error}. Check the network and try again, or give --mirror URL") from None
    except OSError as error:
        raise UserError(
            f"{error.filename or folder}: {error.strerror or error}. "
            "Give --to or SEQLAB_DATA a folder with room and rights to write"
        ) from None
    finally:
        for path in made:
            with suppress(OSError):  # only what stayed empty goes
                path.rmdir()


def is_here(data: PublicData, root: Path) -> bool:
    """Whether a set is in the cache, unpacked files included, by names."""
    folder = root / data.name
    return all((folder / file.file).exists() and _is_unpacked(file, folder) for file in data.files)


def _is_unpacked(file: PublicFile, folder: Path) -> bool:
    return all(any((folder / folder_name(file.file)).glob(pattern)) for pattern in file.unpack)


def _remove_leftovers(folder: Path) -> None:
    for left in folder.glob(f"{ARRIVING}*"):
        if time.time() - left.stat().st_mtime > DAY:
            shutil.rmtree(left, ignore_errors=True)


def _fetch(file: PublicFile, folder: Path, url: str) -> Fetched:
    import pooch

    path = folder / file.file
    is_whole = path.exists() and file.sha256 in {None, pooch.file_hash(str(path))}
    if not is_whole:
        with TemporaryDirectory(prefix=ARRIVING, dir=folder) as work:
            arrived = _download(file, Path(work), url)
            arrived.chmod(0o644)  # pooch lets the owner alone read it
            arrived.replace(path)
    if not (is_whole and _is_unpacked(file, folder)):
        try:
            _unpack(file, path)
        except BadArchiveError as error:
            path.unlink()
            raise UserError(f"{url}: {error}. It was not kept: try again, or give --mirror URL") from None
    sha256 = pooch.file_hash(str(path))
    return Fetched(path, sha256, path.stat().st_size, not is_whole, file.sha256 is not None)


def _download(file: PublicFile, work: Path, url: str) -> Path:
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    registry, urls = {file.file: file.sha256}, {file.file: url}
    store = pooch.create(work, base_url="", registry=registry, urls=urls, retry_if_failed=RETRIES)
    try:
        with bar(file.file, file.bytes or 1, "B", unit_scale=True) as shown:  # pooch asks for its length
            downloader = pooch.HTTPDownloader(
                progressbar=shown,
                chunk_size=1 << 18,
                timeout=TIMEOUT,
                # without it some servers send .gz files that requests would decompress
                headers={"User-Agent": "seqlab", "Accept-Encoding": "identity"},
            )
            return Path(store.fetch(file.file, downloader=downloader))
    except requests.RequestException:  # some are ValueErrors, too
        raise
    except ValueError as error:  # another sum
        raise UserError(f"{url}: {error} Try again, or give --mirror URL") from None


def _unpack(file: PublicFile, archive: Path) -> None:
    if not file.unpack:
        return
    goal = archive.with_name(folder_name(archive.name))
    with TemporaryDirectory(prefix=ARRIVING, dir=archive.parent) as work:
        fresh = Path(work) / "unpacked"
        unpack(archive, fresh, file.unpack)
        if file.prepare is not None:
            PREPARE[file.prepare](fresh)
        if not goal.exists():
            fresh.replace(goal)
        else:  # a user's own files in it stay
            shutil.copytree(fresh, goal, dirs_exist_ok=True, copy_function=os.replace)
