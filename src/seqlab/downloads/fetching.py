"""A public data set into a cache folder: downloaded, checked, unpacked, or else left as it was."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

from filelock import Timeout

from seqlab.downloads.placing import LEFT_OVERS, Fetched, Place, settle
from seqlab.downloads.record import Record
from seqlab.downloads.registry import PublicData
from seqlab.downloads.room import no_room
from seqlab.downloads.transfer import Progress
from seqlab.errors import UserError
from seqlab.files import locked

CACHE_VARIABLE = "SEQLAB_DATA"


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
    if problem := _wrong_address(mirror):
        raise UserError(
            f"--mirror {mirror}: {problem}; give an address as http://host:8000, laid out as a cache: "
            "SET/FILE below it"
        )
    return mirror.rstrip("/")


def _wrong_address(address: str) -> str | None:
    if not address.isascii() or any(letter.isspace() or not letter.isprintable() for letter in address):
        return "an address is of ASCII letters without spaces, others are written as %20 or xn--"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:  # such as http://[::1 or a port that is no number
        return str(error)
    problems = (
        (parts.scheme not in {"http", "https"}, "it begins with neither http:// nor https://"),
        (not host, "it names no host"),
        ("@" in parts.netloc, "names and passwords are not sent"),
        (bool(parts.query or parts.fragment), "? and # cannot have SET/FILE after them"),
    )
    return next((problem for is_there, problem in problems if is_there), None)


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
        UserError: whatever came between; the cache then holds what it held before, and the .part of a
            download that broke off.
    """
    folder = root / data.name
    try:
        with _locked_folder(root, folder):
            record = Record(root)
            fetched = []
            for file in data.files:
                place = Place(file, folder, f"{data.name}/{file.file}", record)
                url = file.url if mirror is None else f"{mirror}/{quote(place.key)}"
                listener = progress(file.file) if progress is not None else None
                fetched.append(settle(place, url, renew, listener))
            return fetched
    except OSError as error:
        raise UserError(no_room(folder, error)) from None


@contextmanager
def _locked_folder(root: Path, folder: Path) -> Iterator[None]:
    """The set's folder, held for this process; removed when it stays empty, and so is a cache made for it."""
    removable = [folder] if root.exists() else [folder, root]
    folder.mkdir(parents=True, exist_ok=True)
    lock = ExitStack()
    try:
        lock.enter_context(locked(root / f".{folder.name}.lock"))
    except Timeout:
        raise UserError(
            f"{folder}: another download is writing there; wait for it, or give --to DIR"
        ) from None
    try:
        for left_over in (found for pattern in LEFT_OVERS for found in folder.glob(pattern)):
            shutil.rmtree(left_over, ignore_errors=True)
        yield
    finally:
        lock.close()
        for path in removable:
            with suppress(OSError):  # what is not empty stays
                path.rmdir()


def is_here(data: PublicData, root: Path) -> bool:
    """Whether a set is in the cache, unpacked files included, by names and sizes."""
    record = Record(root)
    return all(
        Place(file, root / data.name, f"{data.name}/{file.file}", record).is_whole for file in data.files
    )
