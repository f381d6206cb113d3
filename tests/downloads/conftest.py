"""A real web server on this machine whose files, and whose misbehavior, a test sets."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seqlab.downloads.registry import PublicData, PublicFile


@dataclass
class Site:
    """Files by path, and what is wrong with them."""

    base: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)  # answers for this path end at this byte
    cuts_left: int = 1000  # so many answers are cut
    stall: threading.Event | None = None  # waited for before a cut answer ends
    asked: list[str] = field(default_factory=list)

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
        site.asked.append(path)
        if path not in site.files:
            self.send_error(404)
            return
        content = site.files[path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if path not in site.cut or site.cuts_left == 0:
            self.wfile.write(content)
            return
        site.cuts_left -= 1
        self.wfile.write(content[: site.cut[path]])
        if site.stall is not None:
            site.stall.wait()

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def held() -> Callable[[Path], list[str]]:
    """Lists all files and folders of a cache."""
    return lambda root: sorted(str(path.relative_to(root)) for path in root.rglob("*"))


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("pooch.core.time", SimpleNamespace(sleep=lambda seconds: None))
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
