"""Where alerts go: standard output, or a file that holds each exactly once."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import sys
from pathlib import Path
from typing import Any, BinaryIO

from seqlab.alerts.alert import Alert
from seqlab.errors import UserError
from seqlab.files import let_go

_TAIL_BYTES = 4096  # before the length of a state, to know the file again
_AGAIN = "or remove the state to begin again"


class AlertOutput:
    """Writes alerts as they come.

    Args:
        path: a file to append to; None for standard output.
        as_json: one object a line; else a few lines of text.
        state: what ``state`` gave for the state that is gone on from: what stands in the file after its
            length was written later and will be found again, so it is cut off. None appends to what there is.

    Raises:
        UserError: the file cannot be written, another process writes to it, or it is not that of ``state``.
    """

    def __init__(self, path: Path | None, *, as_json: bool, state: dict[str, Any] | None = None) -> None:
        self.path = path
        self.as_json = as_json
        self.bold = False
        self.changed: str | None = None  # what people should know: alerts went elsewhere before
        self._file: BinaryIO | None = None
        self._regular = False
        before = None if state is None else state["path"]
        if path is None:
            if before is not None:
                raise UserError(
                    f"--state belongs to alerts in {before}: give --output {before} as before, {_AGAIN}"
                )
            if sys.stdout is None:
                raise UserError("standard output is closed: give --output FILE for the alerts")
            self.bold = not as_json and sys.stdout.isatty() and "NO_COLOR" not in os.environ
            return
        if state is not None and before is None:
            self.changed = f"alerts went to standard output before; from here on they are in {path}"
        if before is not None and state is not None:
            _check_same(path, state)
        self._file = self._open(path)
        if before is not None and state is not None:
            self._cut(state)
        self._torn = self._regular and self._tail(self._size(), 1) not in (b"\n", b"")

    def _open(self, path: Path) -> BinaryIO:
        try:
            # /dev/null and pipes can be written, not read; and whoever likes may write to them at once
            self._regular = path.is_file() or not path.exists()
            file = path.open("a+b" if self._regular else "ab", buffering=0)
            if self._regular:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"--output {path}: another seqlab detect writes to it") from None
        except OSError as error:
            raise UserError(f"--output {path}: cannot be written: {error.strerror}") from None
        return file

    def _cut(self, state: dict[str, Any]) -> None:
        """Cut the file where the state says, if what it holds up to there is what it held then."""
        assert self._file is not None
        length = state["length"]
        if _digest(self._tail(length, _TAIL_BYTES)) != state["tail"]:
            self._file.close()
            raise UserError(
                f"--output {self.path} holds something else than when --state was written, so it is not cut "
                f"where the state says (byte {length:,}); put the file back as it was, {_AGAIN}"
            )
        if self._size() == length:
            return
        try:
            self._file.truncate(length)
        except OSError as error:
            self._file.close()
            raise UserError(f"--output {self.path}: cannot be cut: {error.strerror}") from None

    def _size(self) -> int:
        assert self._file is not None
        return os.fstat(self._file.fileno()).st_size

    def _tail(self, end: int, count: int) -> bytes:
        assert self._file is not None
        start = max(end - count, 0)
        return os.pread(self._file.fileno(), end - start, start)

    def write(self, alerts: list[Alert]) -> None:
        """Write some alerts; they have left this process when this returns.

        Raises:
            UserError: the disk is full, or the like. A file then ends with its last whole alert.
            BrokenPipeError: nobody reads standard output any more.
        """
        if not alerts:
            return
        if self.as_json:
            texts = [f"{alert.to_json()}\n" for alert in alerts]
        else:
            texts = [f"{alert.to_text(bold=self.bold)}\n" for alert in alerts]
        if self._file is None:
            _print("".join(texts))
        else:
            self._append([text.encode("utf-8", "replace") for text in texts])

    def _append(self, texts: list[bytes]) -> None:
        assert self._file is not None
        if self._torn:  # somebody's half line: what follows must not become a part of it
            texts[0] = b"\n" + texts[0]
        start, written, content = self._size(), 0, memoryview(b"".join(texts))
        try:
            while written < len(content):
                written += self._file.write(content[written:])
        except OSError as error:
            self._keep_whole(start, written, [len(text) for text in texts])
            raise UserError(f"--output {self.path}: cannot be written: {error.strerror}") from None
        self._torn = False

    def _keep_whole(self, start: int, written: int, sizes: list[int]) -> None:
        """Take back the alert of which only a part could be written."""
        assert self._file is not None
        whole = 0
        for size in sizes:
            if whole + size > written:
                break
            whole += size
        if self._regular:
            with contextlib.suppress(OSError):
                self._file.truncate(start + whole)

    def state(self) -> dict[str, Any]:
        """Which file it is and how long, on the disk for good; ``path`` is None for standard output.

        Raises:
            UserError: the disk is full, or the like.
        """
        if self._file is None or self.path is None:
            return {"path": None}
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise UserError(f"--output {self.path}: cannot be written: {error.strerror}") from None
        found = os.fstat(self._file.fileno())
        return {
            "path": os.path.abspath(self.path),
            "inode": found.st_ino,  # not the device: its number may be another after a restart
            "length": found.st_size,
            "tail": _digest(self._tail(found.st_size, _TAIL_BYTES)),
        }

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def check_output(path: Path, *, with_state: bool) -> None:
    """Raise UserError for a file that alerts cannot go to: a folder, or with a state what cannot be cut."""
    if not path.absolute().parent.is_dir():
        raise UserError(f"--output {path}: the folder {path.parent} does not exist")
    if path.is_dir():
        raise UserError(f"--output {path} is a folder: give the name of a file")
    if with_state and path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise UserError(
            f"--output {path} is no plain file: with --state, alerts of a restart are found again and their "
            "first copy is cut off, which only a plain file allows; give one, or leave one of the two out"
        )


def _check_same(path: Path, state: dict[str, Any]) -> None:
    """Raise UserError for another file than that of the state, or one that lost alerts since."""
    belongs = f"the state belongs to the alerts in {state['path']}; give that file, {_AGAIN}"
    moved = os.path.abspath(path) != state["path"]
    if not path.exists():
        if moved or state["length"]:
            raise UserError(f"--output {path}: no such file: {belongs}")
        return
    found = path.stat()
    # under its old name a file may have been put back from a copy: what it holds tells, if it held anything
    if found.st_ino != state["inode"] and (moved or (found.st_size and not state["length"])):
        raise UserError(f"--output {path}: another file than that of --state: {belongs}")
    if found.st_size < state["length"]:
        raise UserError(
            f"--output {path} is shorter than when --state was written: alerts are missing from it; "
            f"put the file back as it was, {_AGAIN}"
        )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _print(text: str) -> None:
    """Write to standard output, all of it: where Python does not buffer, its own write may lose the end."""
    content = memoryview(text.encode(sys.stdout.encoding, "replace"))
    try:
        while content:
            content = content[sys.stdout.buffer.write(content) :]
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        let_go(sys.stdout)
        raise UserError(f"standard output: cannot be written: {error.strerror}") from None
