"""One file over HTTP, into a .part file that a later call goes on with."""

from __future__ import annotations

import hashlib
import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from seqlab.downloads.record import Record
from seqlab.downloads.responses import (
    BrokenConnectionError,
    length_in_all,
    pieces_of,
    reason_of,
    refuse_pages,
    start_of,
    validator_of,
)
from seqlab.downloads.room import no_room
from seqlab.errors import UserError

TIMEOUT_SECONDS = 30  # without a byte; five such connections end a transfer
MAX_IDLE = 5  # connections in a row that bring nothing new
PAUSE_SECONDS = 0.5  # after the first of them; twice as long after each further one
NOT_SATISFIABLE = 416
PARTIAL = 206
Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all where known


class ResumableDownloader:
    """What pooch calls to fetch a URL: ``downloader(url, output_file, pooch)``.

    The bytes go to ``part`` and stay there, so that no kill loses them: ``output_file`` becomes a link to the
    whole part. Whoever moves that to its place calls ``forget``. A connection that broke is taken
    up again as long as each brings new bytes, by a Range request; so is a part that is there already. Where
    the file's sum is not known beforehand, this is done only if the server confirms through If-Range that it
    still has the same file; a server that gives nothing to confirm by is asked for the whole file again. A
    part of a known file needs no such confirmation: its sum will tell, and after a wrong one the file is
    fetched once more from the start.

    Args:
        part: where unfinished bytes are kept between calls.
        record: holds the validator of the part under ``key``.
        key: ``set/file``.
        size: of the whole file in bytes, where known.
        expected: the file's SHA-256, where known.
        progress: told about bytes as they come.
    """

    def __init__(
        self,
        part: Path,
        record: Record,
        key: str,
        size: int | None = None,
        expected: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.part, self.record, self.key = part, record, key
        self.size, self.expected, self.progress = size, expected, progress
        self.sha256: str | None = None  # of the file that came
        self.is_whole = False  # whether all bytes came
        self._continued = False  # whether bytes were added to others of another connection

    def __call__(self, url: str, output_file: str, pooch: Any = None) -> None:
        """Fetch.

        Raises:
            UserError: an address that does not answer or has no such file, a connection that broke (the part
                is kept), a file of another size than is known, no room.
        """
        try:
            if not self._came_whole_before():
                self._fill(url)
            if self._continued and self.expected not in {None, self.sha256}:
                self.drop()
                self._fill(url)
            self._hand_out(Path(output_file))
        except (UserError, KeyboardInterrupt):
            if not self.is_whole and not self._can_go_on():
                self.drop()
            raise
        except OSError as error:
            if not self.is_whole:
                with suppress(OSError):  # no room for the record either; without the part it is not read
                    self.drop()
            raise UserError(no_room(self.part.parent, error)) from None

    def drop(self) -> None:
        """Remove the part."""
        self.part.unlink(missing_ok=True)
        self.is_whole = False
        self.forget()

    def forget(self) -> None:
        """Remove what the record knows of the part."""
        self.record.put("parts", self.key, None)

    def _hand_out(self, output: Path) -> None:
        """A link to the part, or the part itself where the disk has no links."""
        output.unlink(missing_ok=True)
        try:
            output.symlink_to(self.part.absolute())
        except OSError:  # what is kept when pooch's check is broken off is then up to pooch: nothing
            self.part.replace(output)

    def _came_whole_before(self) -> bool:
        """Whether the part is the file that is wanted; told by its sum, without the server."""
        have = self._have()
        if self.expected is None or have == 0 or self.size not in {None, have}:
            return False
        self.is_whole = self._sum() == self.expected
        return self.is_whole

    def _sum(self) -> str:
        with self.part.open("rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return self.sha256

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _can_go_on(self) -> bool:
        """Whether a mixture of two files would be noticed."""
        return self.expected is not None or self.record.get("parts", self.key) is not None

    def _fill(self, url: str) -> None:
        """The whole part and its sum, over as many connections as bring something."""
        self._continued = self.is_whole = False
        farthest, idle = (self._have() if self._can_go_on() else 0), 0
        while True:
            try:
                self._receive(url, self._have() if self._can_go_on() else 0)
                break
            except BrokenConnectionError as error:
                reason = str(error)
            have = self._have()
            idle = 0 if have > farthest else idle + 1
            farthest = max(farthest, have)
            if idle == MAX_IDLE:
                raise self._given_up(url, reason)
            if idle:
                time.sleep(PAUSE_SECONDS * 2 ** (idle - 1))
        self.is_whole = True
        self._sum()

    def _given_up(self, url: str, reason: str) -> UserError:
        have = self._have()
        if have == 0:
            self.drop()
            return UserError(
                f"{url}: {reason}; nothing came in {MAX_IDLE} tries. Check the network and try again, or "
                "give --mirror URL"
            )
        in_all = f" of {self.size:,}" if self.size is not None else ""
        came = f"{url}: {reason} after {have:,}{in_all} bytes, and {MAX_IDLE} tries in a row brought no more"
        if self._can_go_on():
            return UserError(f"{came}. They are kept in {self.part}: the same command goes on from there")
        return UserError(
            f"{came}. Nothing was kept, because this server does not tell whether its file has changed: the "
            "same command begins anew"
        )

    def _receive(self, url: str, position: int) -> None:
        """One connection's worth, from ``position`` on."""
        headers = {"User-Agent": "seqlab", "Accept-Encoding": "identity"}
        known = self.record.get("parts", self.key)
        if position:
            headers["Range"] = f"bytes={position}-"
            if known is not None:
                headers["If-Range"] = known
        try:
            response = urlopen(Request(url, headers=headers), timeout=TIMEOUT_SECONDS)
        except HTTPError as error:
            if error.code == NOT_SATISFIABLE and position:
                same = self.expected is not None or validator_of(error) in {None, known}
                if same and length_in_all(error.headers.get("Content-Range", "")) == position:
                    self._continued = True
                    return  # the part is the whole file: only its check was missing
                self.part.unlink()
                return self._receive(url, 0)
            raise UserError(
                f"{url}: the server answered {error.code} {error.reason}. The file may have moved: "
                "try again later, or give --mirror URL"
            ) from None
        except (URLError, http.client.HTTPException, OSError) as error:
            raise BrokenConnectionError(f"no connection ({reason_of(error)})") from None
        with response:
            partial, validator = response.status == PARTIAL, validator_of(response)
            same = self.expected is not None or validator in {None, known}
            if position and partial and not (start_of(response) == position and same):
                self.part.unlink()
                return self._receive(url, 0)
            if known is not None and not partial and validator == known and _length(response) == position > 0:
                self._continued = True
                return  # a server without ranges, which still has what came whole before
            start = position if partial else 0
            pieces = pieces_of(response)
            if start == 0:
                pieces = refuse_pages(url, response, pieces, announced=self.expected is None)
            total = self._total(url, response, start)
            self.record.put("parts", self.key, known if partial and validator is None else validator)
            self._continued = start > 0
            self._write(url, pieces, start, total)

    def _total(self, url: str, response: Any, start: int) -> int | None:
        """Bytes of the whole file, as far as server or caller know them."""
        announced = length_in_all(response.headers.get("Content-Range", ""))
        length = _length(response)
        if announced is None and length is not None:
            announced = start + length
        if announced is not None and self.size is not None and announced != self.size:
            raise self._another_size(url, f"{announced:,}")
        return self.size if announced is None else announced

    def _another_size(self, url: str, announced: str) -> UserError:
        return UserError(
            f"{url}: the server has {announced} bytes, the published file has {self.size:,}: "
            "another file, or a proxy's page. It was not kept"
        )

    def _write(self, url: str, pieces: Iterator[bytes], start: int, total: int | None) -> None:
        with open(self.part, "r+b" if self.part.exists() else "wb", buffering=0) as file:
            file.truncate(start)
            file.seek(start)
            position = start
            for chunk in pieces:
                view = memoryview(chunk)
                while view:  # a nearly full disk takes a part of it
                    view = view[file.write(view) :]
                position += len(chunk)
                if self.size is not None and position > self.size:
                    self.drop()
                    raise self._another_size(url, "more")
                if self.progress is not None:
                    self.progress(position, total)
        if total is not None and position < total:
            raise BrokenConnectionError("the connection ended")


def _length(response: Any) -> int | None:
    length = response.headers.get("Content-Length", "").strip()
    return int(length) if length.isdecimal() else None
