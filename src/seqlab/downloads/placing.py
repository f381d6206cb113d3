"""One file of a set: fetched beside its place, checked, unpacked, and only then put there."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from seqlab.downloads.archives import BadArchiveError, folder_name
from seqlab.downloads.record import Record
from seqlab.downloads.registry import PublicFile
from seqlab.downloads.room import check_room
from seqlab.downloads.transfer import Progress, ResumableDownloader
from seqlab.downloads.unpacked import UNPACKING, lacking, missing, put_in_place, unpacked_beside
from seqlab.errors import UserError

ARRIVING = ".arriving-"
LEFT_OVERS = (f"{ARRIVING}*", f"{UNPACKING}*")  # of a process that was killed
NAMED = 3  # files of a longer list


@dataclass(frozen=True)
class Fetched:
    """A file that is in the cache now."""

    path: Path
    sha256: str
    num_bytes: int
    downloaded: bool  # False: it was there
    sum_from: str  # registry; first: this download is the one that is trusted; record: an earlier one was
    since: str  # date of the download that the record holds
    notes: tuple[str, ...] = ()  # what was not as it should be, and what was done


@dataclass(frozen=True)
class Place:
    """Where a file belongs, and the record that tells of it."""

    file: PublicFile
    folder: Path  # of the set
    key: str  # set/file
    record: Record

    @property
    def target(self) -> Path:
        return self.folder / self.file.file

    @property
    def part(self) -> Path:
        """What came of the file so far; whole and checked until it is moved to its place."""
        return self.folder / f"{self.file.file}.part"

    @property
    def unpacked(self) -> Path:
        """The folder of what the archive held."""
        return self.folder / folder_name(self.file.file)

    @property
    def is_whole(self) -> bool:
        """Whether file and unpacked files are there, by name and size alone."""
        entry = self.record.get("unpacked", self.key)
        if entry is not None:
            return self.target.exists() and not missing(self.unpacked, entry["files"])
        return self.target.exists() and (not self.file.unpack or self.was_unpacked_of(None))

    @property
    def can_be_written(self) -> bool:
        """Whether this user may change set, unpacked folder and record."""
        folders = (self.folder, self.unpacked, self.record.path.parent)
        return all(os.access(folder, os.W_OK) for folder in folders)

    def was_unpacked_of(self, sha256: str | None) -> bool:
        """Whether an older version, which kept no names, unpacked an archive, and the folder is still there.

        Args:
            sha256: of the archive; None: of any.
        """
        known = self.record.sum_without_names(self.key)
        return known is not None and sha256 in {None, known} and not lacking(self.unpacked, self.file.unpack)


def settle(place: Place, url: str, renew: bool, progress: Progress | None) -> Fetched:
    """See that the file and what is unpacked from it are there; what is not is fetched or unpacked again.

    Args:
        renew: fetch again, and trust anew, if no sum of it is published.

    Raises:
        UserError: no such file, another one, a bad archive, no room. What was in place is as it was.
        OSError: a write failed.
    """
    file, record, target = place.file, place.record, place.target
    entry = record.get("files", place.key)
    renew = renew and file.sha256 is None
    trusted = entry["sha256"] if entry is not None and not renew else None
    expected = file.sha256 or trusted
    there = None if renew else _sum_of(target)
    notes: list[str] = []
    if there is not None and expected in {None, there}:
        try:
            notes += _mend(place, there)
        except BadArchiveError as error:
            if expected is not None:
                raise
            notes.append(f"{error}: fetched again")  # put there by hand, and vouched for by nobody
        else:
            if entry is None:
                entry = _entry(target, there, url)
                record.put("files", place.key, entry)
            return _fetched(place, entry, False, trusted is not None, notes)
    elif there is not None:
        notes.append(f"{target.name} had sha256 {there}, not {expected}: fetched again")
    elif entry is not None and not target.exists():
        notes.append(f"{target.name} was gone: fetched again")
    since = entry["date"] if entry is not None and file.sha256 is None and not renew else None
    entry = _fetch(place, url, expected, since, renew, progress)
    return _fetched(place, entry, True, trusted is not None, notes)


def _fetched(
    place: Place, entry: dict[str, Any], downloaded: bool, trusted: bool, notes: list[str]
) -> Fetched:
    sum_from = "registry" if place.file.sha256 else "record" if trusted else "first"
    return Fetched(
        place.target, entry["sha256"], entry["bytes"], downloaded, sum_from, entry["date"], tuple(notes)
    )


def _entry(path: Path, sha256: str, url: str) -> dict[str, Any]:
    return {
        "sha256": sha256,
        "bytes": path.stat().st_size,
        "url": url,
        "date": date.today().isoformat(),
    }


def _sum_of(path: Path) -> str | None:
    if not path.exists():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mend(place: Place, sha256: str) -> list[str]:
    """Unpack again what is missing of an archive that is in place; returns what to say about it."""
    if not place.file.unpack:
        return []
    before = place.record.get("unpacked", place.key)
    lost, old_names = None, before["files"] if before is not None else {}
    if before is not None and before["sha256"] == sha256:
        lost, old_names = missing(place.unpacked, before["files"]), {}
        if not lost:
            return []
    if place.was_unpacked_of(sha256) and not place.can_be_written:
        return []  # a cache of others, such as a shared disk's: names cannot be added to its record
    with unpacked_beside(place.file, place.target, place.folder) as (fresh, sizes):
        names = sizes if lost is None else [name for name in lost if name in sizes]
        place.record.put("unpacked", place.key, None)  # until it is whole
        put_in_place(fresh, place.unpacked, names, old_names)
        place.record.put("unpacked", place.key, {"sha256": sha256, "files": sizes})
    if lost is None:
        return []
    shown = ", ".join(lost[:NAMED]) + (", ..." if len(lost) > NAMED else "")
    what = "was" if len(lost) == 1 else f"({len(lost)} files) were"
    return [f"{shown} {what} missing or of another size: unpacked again from {place.target.name}"]


def _fetch(
    place: Place, url: str, expected: str | None, since: str | None, renew: bool, progress: Progress | None
) -> dict[str, Any]:
    """Fetch beside, check, unpack beside; then put all of it in place. Returns the record's entry.

    From its last byte on the file is in one of two places that a later call looks at, whatever ends this one:
    ``.part``, and the target once nothing has to be protected there.
    """
    has_older = place.target.exists() or place.record.get("files", place.key) is not None
    is_guarded = has_older and expected is None  # a new file with the expected sum is better than any other
    downloader = ResumableDownloader(
        place.part, place.record, place.key, place.file.bytes, expected, progress
    )
    try:
        sha256 = _arrive(place, downloader, url, since)
    except BaseException:
        if downloader.is_whole and not has_older and expected is None and place.part.exists():
            _move(place)  # a part without a sum is gone on with only if the server can tell its version
        raise
    archive = place.part if is_guarded else place.target
    entry = _entry(place.part, sha256, url)
    if not is_guarded:
        _move(place)
    if not place.file.unpack:
        _replace(place, archive, entry, None, None)
        return entry
    with ExitStack() as ending:
        try:
            fresh, sizes = ending.enter_context(unpacked_beside(place.file, archive, place.folder))
        except BadArchiveError as error:
            archive.unlink()
            downloader.forget()
            reason = str(error).replace(place.part.name, place.target.name, 1)
            as_before = "; what was there is as it was" if is_guarded else ""
            raise UserError(f"{url}: {reason}. It was not kept{as_before}") from None
        _replace(place, archive, entry, fresh, sizes)
    return entry


def _move(place: Place) -> None:
    place.part.replace(place.target)
    place.record.put("parts", place.key, None)


def _replace(
    place: Place, archive: Path, entry: dict[str, Any], fresh: Path | None, sizes: dict[str, int] | None
) -> None:
    """Renames within one disk. After a kill between them the record's new sum has the file taken again."""
    record, key = place.record, place.key
    before, unpacked = record.get("files", key), record.get("unpacked", key)
    record.put("unpacked", key, None)
    record.put("files", key, entry)
    try:
        if fresh is not None and sizes is not None:
            put_in_place(fresh, place.unpacked, sizes, unpacked["files"] if unpacked is not None else ())
        if archive == place.part:
            _move(place)
    except BaseException:
        if archive.exists():
            record.put("files", key, before)
        raise
    if sizes is not None:
        record.put("unpacked", key, {"sha256": entry["sha256"], "files": sizes})


def _arrive(place: Place, downloader: ResumableDownloader, url: str, since: str | None) -> str:
    """Fetch to ``.part`` through pooch, which lets no file with another sum through; returns the sum."""
    import pooch

    pooch.get_logger().setLevel("WARNING")
    file, part, expected = place.file, place.part, downloader.expected
    if file.bytes is not None:
        needed = file.bytes - (part.stat().st_size if part.exists() else 0)
        check_room(place.folder, needed, f"{needed:,} bytes are to come")
    with tempfile.TemporaryDirectory(prefix=ARRIVING, dir=place.folder) as work:
        arrival = Path(work) / file.file
        try:
            pooch.retrieve(
                url,
                known_hash=f"sha256:{expected}" if expected is not None else None,
                fname=arrival.name,
                path=work,
                downloader=downloader,
            )
        except UserError:
            raise
        except ValueError as error:  # pooch's word for another sum
            if not downloader.is_whole:  # an address that Python's own client refuses
                raise UserError(f"{url}: cannot be fetched: {error}") from None
            downloader.drop()
            raise _wrong_sum(url, downloader.sha256, expected, since) from None
        if not arrival.is_symlink():
            arrival.replace(part)
    assert downloader.sha256 is not None
    return downloader.sha256


def _wrong_sum(url: str, came: str | None, expected: str | None, since: str | None) -> UserError:
    known = "the published file" if since is None else f"the first download of {since}"
    advice = (
        "A proxy's page or a changed file looks like this: try again, or give --mirror URL"
        if since is None
        else "No sum is published for it: --renew trusts the new file"
    )
    return UserError(
        f"{url}: wrong checksum: sha256 {came}, but {known} has {expected}. It was not kept. {advice}"
    )
