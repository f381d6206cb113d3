"""Where alerts go: standard output, or a file that is appended to."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import BinaryIO

from seqlab.alerts.alert import JSON_START, Alert
from seqlab.errors import UserError
from seqlab.files import let_go

_LONGEST_ALERT = 1 << 20  # bytes that are looked at for the beginning of a broken line


class AlertOutput:
    """Writes alerts as they come.

    An alert that an earlier process could not write to its end is cut off: it is found again, as every alert
    after the last state is.

    Args:
        path: a file to append to; None for standard output.
        as_json: one object a line; else a few lines of text.

    Raises:
        UserError: it cannot be written.
    """

    def __init__(self, path: Path | None, *, as_json: bool) -> None:
        self.path = path
        self.as_json = as_json
        self.bold = False
        self._file: BinaryIO | None = None
        if path is None:
            if sys.stdout is None:
                raise UserError("standard output is closed: give --output FILE for the alerts")
            self.bold = not as_json and sys.stdout.isatty() and "NO_COLOR" not in os.environ
            return
        try:
            # /dev/null and pipes can be written, not read
            is_plain = path.is_file() or not path.exists()
            self._file = path.open("a+b" if is_plain else "ab", buffering=0)
            if is_plain:
                self._end_last_line(self._file)
        except OSError as error:
            raise UserError(f"--output {path}: cannot be written: {error.strerror}") from None

    def _end_last_line(self, file: BinaryIO) -> None:
        """Cut off a broken alert; end any other line, so that no alert becomes a part of it."""
        size = os.fstat(file.fileno()).st_size
        start = max(size - _LONGEST_ALERT, 0)
        line = os.pread(file.fileno(), size - start, start).rpartition(b"\n")[2]
        if line and (line.startswith(JSON_START.encode()) or JSON_START.encode().startswith(line)):
            file.truncate(size - len(line))
        elif line:
            file.write(b"\n")

    def write(self, alerts: list[Alert]) -> None:
        """Write some alerts; they have left this process when this returns.

        Raises:
            UserError: the disk is full, or the like. A file then ends with its last whole alert.
            BrokenPipeError: nobody reads standard output any more.
        """
        for alert in alerts:
            text = alert.to_json() if self.as_json else alert.to_text(bold=self.bold)
            content = f"{text}\n".encode("utf-8", "replace")
            if self._file is None:
                _print(content)
            else:
                self._append(self._file, content)

    def _append(self, file: BinaryIO, content: bytes) -> None:
        size, left = os.fstat(file.fileno()).st_size, memoryview(content)
        try:
            while left:
                left = left[file.write(left) :]
        except OSError as error:
            with contextlib.suppress(OSError):  # a device is not cut
                file.truncate(size)
            raise UserError(f"--output {self.path}: cannot be written: {error.strerror}") from None

    def sync(self) -> None:
        """Wait until all alerts are on the disk.

        Raises:
            UserError: the disk is full, or the like.
        """
        if self._file is None or self.path is None or not self.path.is_file():  # a device is no disk
            return
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise UserError(f"--output {self.path}: cannot be written: {error.strerror}") from None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _print(content: bytes) -> None:
    """Write to standard output, all of it: where Python does not buffer, its own write may lose the end."""
    left = memoryview(content)
    try:
        while left:
            left = left[sys.stdout.buffer.write(left) :]
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        let_go(sys.stdout)
        raise UserError(f"standard output: cannot be written: {error.strerror}") from None
