"""A real web server on this machine whose files, and whose misbehavior, a test sets."""

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from seqlab.downloads.registry import PublicData, PublicFile


@dataclass
class Site:
    """Files by path, and what is wrong with them."""

    base: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut: dict[str, int] = field(
        default_factory=dict
    )  # connections for this path end at this byte of the file
    cut_each: dict[str, int] = field(default_factory=dict)  # ... after so many bytes of each answer
    ranges: bool = True  # whether Range is honored
    lengths: bool = True  # whether Content-Length is told
    chunked: bool = False  # whether answers come as one chunk, which a cut breaks off
    validators: bool = True  # whether ETag is told
    heeds_if_range: bool = True  # whether If-Range is looked at
    dead: int = 0  # so many connections end without an answer
    afterwards: Callable[[], None] | None = None  # called once, when an answer was sent
    types: dict[str, str] = field(default_factory=dict)  # Content-Type of paths that have one
    stall: threading.Event | None = None  # waited for before a cut connection ends
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path and Range of each request

    def etag(self, path: str) -> str:
        return f'"{hashlib.md5(self.files[path]).hexdigest()}"'

    def public(self, content: bytes | None = None, name: str = "data.bin", **settings: Any) -> PublicData:
        """A set ``small`` of one file here; with its content, sum and size are known beforehand."""
        known: dict[str, Any] = {}
        if content is not None:
            known = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        file = PublicFile(**({"file": name, "url": f"{self.base}/{name}"} | known | settings))
        return PublicData("small", "a test", "none", ("nobody",), (file,), ("cat {folder}/data.bin",))


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site, path = self.site, self.path
        wanted = self.headers.get("Range")
        site.asked.append((path, wanted))
        if site.dead:
            site.dead -= 1
            return
        if path not in site.files:
            self.send_error(404)
            return
        content, start = site.files[path], 0
        same = self.headers.get("If-Range") in {None, site.etag(path)} or not site.heeds_if_range
        if wanted and site.ranges and same:
            match = re.fullmatch(r"bytes=(\d+)-", wanted)
            assert match is not None
            start = int(match[1])
            if start >= len(content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(content)}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if site.validators:
            self.send_header("ETag", site.etag(path))
        if path in site.types:
            self.send_header("Content-Type", site.types[path])
        if site.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif site.lengths:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = min(site.cut.get(path, len(content)), start + site.cut_each.get(path, len(content)))
        self._write(content, start, end)
        if end < len(content) and site.stall is not None:
            site.stall.wait()

    def _write(self, content: bytes, start: int, end: int) -> None:
        if self.site.chunked:
            self.wfile.write(b"%x\r\n" % (len(content) - start))
        self.wfile.write(content[start:end])
        if self.site.chunked and end == len(content):
            self.wfile.write(b"\r\n0\r\n\r\n")
        call, self.site.afterwards = self.site.afterwards, None
        if call is not None:
            call()

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def held() -> Callable[[Path], list[str]]:
    """Lists all files and folders of a cache, but for its record."""
    return lambda root: sorted(
        str(path.relative_to(root)) for path in root.rglob("*") if path.name != "downloads.json"
    )


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("seqlab.downloads.transfer.PAUSE_SECONDS", 0.001, raising=False)
    site = Site()
    handler = type("Handler", (_Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    site.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()
