"""What an HTTP answer says of itself, and its bytes as they come."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from typing import Any

from seqlab.errors import UserError

CHUNK = 1 << 18
HEAD = 1024  # bytes by which a web page is told


class BrokenConnectionError(Exception):
    """The connection ended before the file did."""


def pieces_of(response: Any) -> Iterator[bytes]:
    """What comes, as it comes: of a read that waits for more, a connection that breaks would lose the begin.

    Raises:
        BrokenConnectionError: the connection broke.
    """
    while True:
        try:
            piece = response.read1(CHUNK)
        except (http.client.HTTPException, OSError) as error:
            raise BrokenConnectionError(f"the connection broke ({reason_of(error)})") from None
        if not piece:
            return
        yield piece


def refuse_pages(url: str, response: Any, pieces: Iterator[bytes], *, announced: bool) -> Iterator[bytes]:
    """The same pieces, once their begin is known not to be that of a login page.

    Args:
        announced: believe the header Content-Type, too.

    Raises:
        UserError: they are a web page.
    """
    head, first = b"", []
    broken: BrokenConnectionError | None = None
    try:
        for piece in pieces:
            first.append(piece)
            head += piece[:HEAD]
            if len(head) >= HEAD:
                break
    except BrokenConnectionError as error:
        broken = error
    if _is_html(head) or (announced and response.headers.get_content_type() == "text/html"):
        raise UserError(
            f"{url}: the server sent a web page (HTML) instead of the file, such as a login or error page. "
            "It was not kept. Open the address in a browser, or give --mirror URL, and try again"
        )
    return _chained(first, broken, pieces)


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


def reason_of(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return str(inner) or type(inner).__name__


def validator_of(response: Any) -> str | None:
    """What If-Range may hold: a strong ETag, else the date of the last change."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified")


def length_in_all(content_range: str) -> int | None:
    match = re.fullmatch(r"bytes\s+(?:\d+-\d+|\*)/(\d+)", content_range.strip())
    return int(match[1]) if match else None


def start_of(response: Any) -> int | None:
    match = re.match(r"bytes\s+(\d+)-", response.headers.get("Content-Range", "").strip())
    return int(match[1]) if match else None
