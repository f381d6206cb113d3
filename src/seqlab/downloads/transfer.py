"""One file over HTTP, into a .part file that a later call goes on with."""

from __future__ import annotations

import hashlib
import http.client
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from seqlab.downloads.record import Record
from seqlab.downloads.room import no_room
from seqlab.errors import UserError

CHUNK = 1 << 18
HEAD = 1024  # bytes by which a web page is told
TIMEOUT_SECONDS = 60
MAX_CONNECTIONS = 5  # a connection that broke is taken up again as long as each brings something
NOT_SATISFIABLE = 416
PARTIAL = 206
Progress = Callable[[int, int | None], None]  # bytes so far, bytes in all where known


class BrokenConnectionError(Exception):
    """The connection ended before the file did."""


class ResumableDownloader:
    """What pooch calls to fetch a URL: ``downloader(url, output_file, pooch)``.

    The bytes go to ``part``; only a whole file is moved to ``output_file``. A part that is there already is
    continued by a Range request. Where the file's sum is not known beforehand, this is done only if the
    server confirms through If-Range that it still has the same file; a part of a known file needs no such
    confirmation, its sum will tell.

    Args:
        part: where unfinished bytes are kept between calls.
        record: holds the validator of the part under ``key``.
        key: ``set/file``.
        size: of the whole file in bytes, where known.
        pinned: whether the caller knows the file's sum.
        progress: told about bytes as they come.
    """

    def __init__(
        self,
        part: Path,
        record: Record,
        key: str,
        size: int | None = None,
        pinned: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self.part, self.record, self.key = part, record, key
        self.size, self.pinned, self.progress = size, pinned, progress
        self.sha256: str | None = None  # of the file that came
        self.num_bytes = 0

    def __call__(self, url: str, output_file: str, pooch: Any = None) -> None:
        """Fetch.

        Raises:
            UserError: an address that does not answer or has no such file, a connection that broke (the part
                is kept), a file of another size than is known, no room.
        """
        if not self.pinned and self.record.get("parts", self.key) is None:
            self.part.unlink(missing_ok=True)
        try:
            self._fill(url)
            with self.part.open("rb") as file:
                self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            self.num_bytes = self.part.stat().st_size
            self.part.replace(output_file)
            self.record.put("parts", self.key, None)
        except OSError as error:
            self.part.unlink(missing_ok=True)
            self._forget_validator()
            raise UserError(no_room(self.part.parent, error)) from None

    def _forget_validator(self) -> None:
        try:
            self.record.put("parts", self.key, None)
        except OSError:  # no room for the record either; without the part it is not read
            return

    def _position(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _fill(self, url: str) -> None:
        for _ in range(MAX_CONNECTIONS):
            before = self._position()
            try:
                self._receive(url, before)
                return
            except BrokenConnectionError as error:
                reason = str(error)
                if self._position() <= before:
                    break
        have = self._position()
        if have == 0:
            self.part.unlink(missing_ok=True)
            self.record.put("parts", self.key, None)
            raise UserError(
                f"{url}: {reason}; nothing came. Check the network and try again, or give --mirror URL"
            )
        in_all = f" of {self.size:,}" if self.size is not None else ""
        raise UserError(
            f"{url}: {reason} after {have:,}{in_all} bytes. They are kept in {self.part}: "
            "the same command goes on from there"
        )

    def _receive(self, url: str, position: int) -> None:
        """One connection's worth, from ``position`` on."""
        headers = {"User-Agent": "seqlab", "Accept-Encoding": "identity"}
        if position:
            headers["Range"] = f"bytes={position}-"
            if validator := self.record.get("parts", self.key):
                headers["If-Range"] = validator
        try:
            response = urlopen(Request(url, headers=headers), timeout=TIMEOUT_SECONDS)
        except HTTPError as error:
            if error.code == NOT_SATISFIABLE and position:
                if _length_in_all(error.headers.get("Content-Range", "")) == position:
                    return  # the part is the whole file: only its check was missing
                self.part.unlink()
                return self._receive(url, 0)
            raise UserError(
                f"{url}: the server answered {error.code} {error.reason}. The file may have moved: "
                "try again later, or give --mirror URL"
            ) from None
        except (URLError, http.client.HTTPException, OSError) as error:
            raise BrokenConnectionError(f"no connection ({_reason(error)})") from None
        with response:
            start = position if response.status == PARTIAL else 0
            pieces = _pieces(response)
            if start == 0:
                pieces = self._no_page(url, response, pieces)
            total = self._total(url, response, start)
            if position and response.status == PARTIAL and _start(response) != position:
                self.part.unlink()
                return self._receive(url, 0)
            self.record.put("parts", self.key, _validator(response))
            self._write(pieces, start, total)

    def _total(self, url: str, response: Any, start: int) -> int | None:
        """Bytes of the whole file, as far as server or caller know them."""
        announced = _length_in_all(response.headers.get("Content-Range", ""))
        if announced is None and (length := response.headers.get("Content-Length")) is not None:
            announced = start + int(length)
        if announced is not None and self.size is not None and announced != self.size:
            raise self._another_size(url, f"{announced:,}")
        return self.size if announced is None else announced

    def _another_size(self, url: str, announced: str) -> UserError:
        return UserError(
            f"{url}: the server has {announced} bytes, the published file has {self.size:,}: "
            "another file, or a proxy's page. It was not kept"
        )

    def _no_page(self, url: str, response: Any, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces, once they are known not to be a login page; nothing is written before that.

        Raises:
            UserError: they are HTML, or are said to be where no sum will tell.
        """
        head, rest = b"", []
        broken: BrokenConnectionError | None = None
        try:
            for piece in pieces:
                rest.append(piece)
                head += piece[:HEAD]
                if len(head) >= HEAD:
                    break
        except BrokenConnectionError as error:
            broken = error
        announced = response.headers.get_content_type() == "text/html"
        if _is_html(head) or (announced and not self.pinned):
            raise UserError(
                f"{url}: the server sent a web page (HTML) instead of the file, such as a login or error "
                "page. It was not kept. Open the address in a browser, or give --mirror URL, and try again"
            )
        return _chained(rest, broken, pieces)

    def _write(self, pieces: Iterator[bytes], start: int, total: int | None) -> None:
        with open(self.part, "r+b" if self.part.exists() else "wb", buffering=0) as file:
            file.truncate(start)
            file.seek(start)
            position = start
            for chunk in pieces:
                view = memoryview(chunk)
                while view:  # a nearly full disk takes a part of it
                    view = view[file.write(view) :]
                position += len(chunk)
                if self.progress is not None:
                    self.progress(position, total)
        if total is not None and position < total:
            raise BrokenConnectionError("the connection ended")


def _pieces(response: Any) -> Iterator[bytes]:
    """What comes, as it comes: of a read that waits for more, a connection that breaks would lose the begin.

    Raises:
        BrokenConnectionError: the connection broke.
    """
    while True:
        try:
            piece = response.read1(CHUNK)
        except (http.client.HTTPException, OSError) as error:
            raise BrokenConnectionError(f"the connection broke ({_reason(error)})") from None
        if not piece:
            return
        yield piece


def _chained(
    first: list[bytes], broken: BrokenConnectionError | None, rest: Iterator[bytes]
) -> Iterator[bytes]:
    yield from first
    if broken is not None:
        raise broken
    yield from rest


def _is_html(head: bytes) -> bool:
    start = head[:HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith(b"<") and (b"<html" in start or b"<!doctype html" in start)


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return str(inner) or type(inner).__name__


def _validator(response: Any) -> str | None:
    """What If-Range may hold: a strong ETag, else the date of the last change."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def _length_in_all(content_range: str) -> int | None:
    match = re.fullmatch(r"bytes\s+(?:\d+-\d+|\*)/(\d+)", content_range.strip())
    return int(match[1]) if match else None


def _start(response: Any) -> int | None:
    match = re.match(r"bytes\s+(\d+)-", response.headers.get("Content-Range", "").strip())
    return int(match[1]) if match else None
