"""Where alerts go: standard output, or a file that is appended to."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from seqlab.alerts.alert import JSON_START, Alert
from seqlab.errors import UserError
from seqlab.files import let_go

_LONGEST_ALERT = 1 << 20  # bytes that are looked at for the beginning of a broken line


class AlertOutput:
    """Writes alerts as they come.

    Args:
        path: a file to append to; None for standard output.
        as_json: one object a line; else a few lines of text.

    Raises:
        UserError: it cannot be written.
    """

    def __init__(self, path: Path | None, *, as_json: bool) -> None:
        self.path = path
        self.as_json = as_json
        self.file: Any = None
        if path is not None:
            try:
                if path.is_file():
                    _end_last_line(path)
                self.file = path.open("ab", buffering=0)
            except OSError as error:
                raise self._error(error) from None
        elif sys.stdout is None:
            raise UserError("standard output is closed: give --output FILE for the alerts")

    def write(self, alerts: list[Alert]) -> None:
        """Write some alerts; they have left this process when this returns.

        Raises:
            UserError: the disk is full, or the like.
            BrokenPipeError: nobody reads standard output any more.
        """
        file = sys.stdout.buffer if self.file is None else self.file
        try:
            for alert in alerts:
                text = alert.to_json() if self.as_json else alert.to_text()
                left = memoryview(f"{text}\n".encode("utf-8", "replace"))
                while left:  # a write without a buffer may take a part
                    left = left[file.write(left) :]
            file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            if self.file is None:
                let_go(sys.stdout)
            raise self._error(error) from None

    def sync(self) -> None:
        """Wait until all alerts are on the disk."""
        if self.path is not None and self.path.is_file():  # a device is no disk
            os.fsync(self.file.fileno())

    def close(self) -> None:
        if self.file is not None:
            self.file.close()

    def _error(self, error: OSError) -> UserError:
        name = "standard output" if self.path is None else f"--output {self.path}"
        return UserError(f"{name}: cannot be written: {error.strerror}")


def _end_last_line(path: Path) -> None:
    """Cut off an alert that an earlier process could not write to its end: it is found again, as every alert
    after the last state is. End any other line, so that no alert becomes a part of it."""
    with path.open("r+b") as file:
        file.seek(max(path.stat().st_size - _LONGEST_ALERT, 0))
        line = file.read().rpartition(b"\n")[2]
        begin = JSON_START.encode()
        if line.startswith(begin) or begin.startswith(line):
            file.truncate(file.tell() - len(line))
        else:
            file.write(b"\n")
