"""Where alerts go: standard output, or a file that holds each exactly once."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path
from typing import BinaryIO

from seqlab.errors import UserError
from seqlab.watching.alerts import Alert


class AlertOutput:
    """Writes alerts as they come.

    Args:
        path: a file to append to; None for standard output.
        as_json: one object a line; else a few lines of text.
        length: of the file when the state was written that is gone on from: what stands after it was written
            later and will be found again, so it is cut off. None appends to what there is.

    Raises:
        UserError: the file cannot be written, another process writes to it, or it is shorter than ``length``.
    """

    def __init__(self, path: Path | None, *, as_json: bool, length: int | None = None) -> None:
        self.path = path
        self.as_json = as_json
        self.bold = path is None and not as_json and sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._file: BinaryIO | None = None
        if path is None:
            return
        try:
            self._file = path.open("ab", buffering=0)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"--output {path}: another seqlab detect writes to it") from None
        except OSError as error:
            raise UserError(f"--output {path}: cannot be written: {error.strerror}") from None
        if length is not None:
            if os.fstat(self._file.fileno()).st_size < length:
                raise UserError(
                    f"--output {path} is shorter than when --state was written: alerts are missing from it; "
                    "give the file that belongs to the state, or remove the state to begin again"
                )
            self._file.truncate(length)

    def write(self, alerts: list[Alert]) -> None:
        """Write some alerts; they have left this process when this returns.

        Raises:
            UserError: the disk is full, or the like.
        """
        if not alerts:
            return
        if self.as_json:
            text = "".join(f"{alert.to_json()}\n" for alert in alerts)
        else:
            text = "".join(f"{alert.to_text(bold=self.bold)}\n" for alert in alerts)
        if self._file is None:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        content = memoryview(text.encode("utf-8", "replace"))
        try:
            while content:
                content = content[self._file.write(content) :]
        except OSError as error:
            raise UserError(f"--output {self.path}: cannot be written: {error.strerror}") from None

    def length(self) -> int | None:
        """Bytes of the file, on the disk for good; None for standard output."""
        if self._file is None:
            return None
        os.fsync(self._file.fileno())
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
