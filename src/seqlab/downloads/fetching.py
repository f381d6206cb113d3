"""A public data set into a cache folder: downloaded, checked, unpacked, or else left as it was."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote, urlsplit

from seqlab.downloads.archives import BadArchiveError, folder_name, unpack
from seqlab.downloads.preparing import PREPARE
from seqlab.downloads.record import Record
from seqlab.downloads.registry import PublicData, PublicFile
from seqlab.downloads.room import check_room, no_room
from seqlab.downloads.transfer import Progress, ResumableDownloader
from seqlab.errors import UserError

CACHE_VARIABLE = "SEQLAB_DATA"
UNPACKING = ".unpacking-"


@dataclass(frozen=True)
class Fetched:
    """A file that is in the cache now."""

    path: Path
    sha256: str
    num_bytes: int
    downloaded: bool  # False: it was there
    sum_from: str  # registry; first: this download is the one that is trusted; record: an earlier one was
    since: str  # date of the download that the record holds


def cache_folder(given: Path | None = None) -> Path:
    """``given``, else what SEQLAB_DATA names, else the user's cache folder of this system."""
    if given is not None:
        return given.expanduser().absolute()
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("seqlab"))


def checked_mirror(mirror: str | None) -> str | None:
    """A mirror's address without its last slash.

    Raises:
        UserError: no http or https address.
    """
    if mirror is None:
        return None
    parts = urlsplit(mirror)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise UserError(
            f"--mirror {mirror}: give an address as http://host:8000, laid out as a cache: SET/FILE below it"
        )
    return mirror.rstrip("/")


def fetch(
    data: PublicData,
    root: Path,
    mirror: str | None = None,
    renew: bool = False,
    progress: Callable[[str], Progress] | None = None,
) -> list[Fetched]:
    """Put a set's files under ``root/NAME``; what is there and whole is not fetched again.

    Args:
        data: the set.
        root: the cache, which need not exist.
        mirror: an address that has ``NAME/FILE`` below it, instead of the published ones. Sums are checked
            all the same.
        renew: fetch again, and trust anew, what has no sum in the registry.
        progress: makes the listener for a file's bytes.

    Raises:
        UserError: whatever came between; the cache then holds only whole files, and the .part of a download
            that broke off.
    """
    folder = root / data.name
    try:
        with _locked_folder(root, folder):
            record = Record(root)
            fetched = []
            for file in data.files:
                listener = progress(file.file) if progress is not None else None
                fetched.append(_file(data, file, root, record, mirror, renew, listener))
            return fetched
    except OSError as error:
        raise UserError(no_room(folder, error)) from None


@contextmanager
def _locked_folder(root: Path, folder: Path) -> Iterator[None]:
    """The set's folder, held for this process; removed when it stays empty, and so is a cache made for it."""
    removable = [folder] if root.exists() else [folder, root]
    folder.mkdir(parents=True, exist_ok=True)
    handle = _lock(folder)
    try:
        for left_over in folder.glob(f"{UNPACKING}*"):  # of a process that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        for left_over in (
            *folder.glob("tmp????????"),
            *folder.glob("*.new"),
        ):  # pooch's and ours, the same way
            left_over.unlink(missing_ok=True)
        yield
    finally:
        if handle is not None:
            os.close(handle)
        for path in removable:
            if not any(path.iterdir()):
                path.rmdir()


def _lock(folder: Path) -> int | None:
    """A lock that ends with the process and leaves no file; None where the system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return None
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UserError(
            f"{folder}: another download is writing there; wait for it, or give --to DIR"
        ) from None
    except OSError:  # a network disk without locks
        os.close(handle)
        return None
    return handle


def _file(
    data: PublicData,
    file: PublicFile,
    root: Path,
    record: Record,
    mirror: str | None,
    renew: bool,
    progress: Progress | None,
) -> Fetched:
    key = f"{data.name}/{file.file}"
    target = root / data.name / file.file
    entry = record.get("files", key)
    if renew and file.sha256 is None:
        entry = None
    expected = file.sha256 or (entry["sha256"] if entry is not None else None)
    there = None if renew and file.sha256 is None else _sum_of(target)
    downloaded = there is None or (expected is not None and there != expected)
    url = file.url if mirror is None else f"{mirror}/{quote(key)}"
    if downloaded:
        since = None if file.sha256 or entry is None else entry["date"]
        there = _download(url, target, file, expected, since, record, key, progress)
    assert there is not None
    if file.unpack:
        _unpack(file, target, there, record, key)
    if downloaded or entry is None:
        entry = {
            "sha256": there,
            "bytes": target.stat().st_size,
            "url": url,
            "date": date.today().isoformat(),
        }
        record.put("files", key, entry)
    sum_from = "registry" if file.sha256 else "record" if expected else "first"
    return Fetched(target, there, entry["bytes"], downloaded, sum_from, entry["date"])


def _sum_of(path: Path) -> str | None:
    if not path.exists():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(
    url: str,
    target: Path,
    file: PublicFile,
    expected: str | None,
    since: str | None,
    record: Record,
    key: str,
    progress: Progress | None,
) -> str:
    """Fetch through pooch, which lets nothing through that has another sum; returns the sum."""
    import pooch

    pooch.get_logger().setLevel("WARNING")
    part = target.with_name(f"{target.name}.part")
    if file.bytes is not None:
        needed = file.bytes - (part.stat().st_size if part.exists() else 0)
        check_room(target.parent, needed, f"{needed:,} bytes are to come")
    downloader = ResumableDownloader(part, record, key, file.bytes, file.sha256 is not None, progress)
    arrival = target if expected is not None else target.with_name(f"{target.name}.new")
    arrival_was_there = arrival.exists()
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{expected}" if expected is not None else None,
            fname=arrival.name,
            path=target.parent,
            downloader=downloader,
        )
    except UserError:
        raise
    except ValueError:  # pooch's word for another sum; its temporary file is gone
        if arrival_was_there:
            target.unlink(missing_ok=True)  # it had another sum as well, or it had not been fetched
        known = "the published file" if since is None else f"the first download of {since}"
        advice = (
            "A proxy's page or a changed file looks like this: try again, or give --mirror URL"
            if since is None
            else "No sum is published for it: --renew trusts the new file"
        )
        raise UserError(
            f"{url}: wrong checksum: sha256 {downloader.sha256}, but {known} has {expected}. "
            f"Nothing was kept. {advice}"
        ) from None
    arrival.replace(target)
    assert downloader.sha256 is not None
    return downloader.sha256


def _unpack(file: PublicFile, archive: Path, sha256: str, record: Record, key: str) -> None:
    """Write the archive's entries beside it, all or none, unless they are there.

    An archive that must not or cannot be unpacked is removed with what the record knows of it.
    """
    folder = archive.with_name(folder_name(archive.name))
    if folder.is_dir() and record.get("unpacked", key) == sha256:
        return
    unpacking = Path(tempfile.mkdtemp(prefix=UNPACKING, dir=archive.parent))
    try:
        try:
            unpack(archive, unpacking, file.unpack)
            if file.prepare is not None:
                PREPARE[file.prepare](unpacking)
        except BadArchiveError:
            archive.unlink()
            record.put("files", key, None)
            raise
        unpacking.chmod(0o755)  # mkdtemp's are for this user alone
        shutil.rmtree(folder, ignore_errors=True)
        unpacking.replace(folder)
    finally:
        shutil.rmtree(unpacking, ignore_errors=True)
    record.put("unpacked", key, sha256)
