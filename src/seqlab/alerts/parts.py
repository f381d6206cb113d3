"""A log that is read in parts, and one that is a pipe with a name: the ways in between file and pipe."""

from __future__ import annotations

import os
import sys
from typing import Any

from seqlab.alerts.lines import Piece
from seqlab.alerts.source import PipeSource
from seqlab.alerts.tail import FileSource


class LogPart(FileSource):
    """A plain file, read to its end as it is now: an unfinished last line is left for the next time."""

    left: Piece | None = None  # the unfinished last line

    def read(self, patience: float) -> Piece | None:
        piece = super().read(patience)
        if self.ended and piece is not None:  # what comes with the end is what no newline ends
            self.left = piece
            return None
        return piece

    def state(self) -> dict[str, Any]:
        state = super().state()
        if self.left is not None:
            number = self.left.cut[0].number if self.left.cut else self.left.first_number
            state |= {"offset": self.left.offset, "line": number}
        return state

    @property
    def left_bytes(self) -> int:
        return 0 if self.left is None else self.left.end - self.left.offset


class NamedPipe(PipeSource):
    """A pipe that has a path, such as that of ``mkfifo`` or of a shell's ``<(zcat old.gz)``.

    Opening one waits for a writer; reading ends when the last writer has left.
    """

    def __init__(self, path: str) -> None:
        pipe = os.open(path, os.O_RDONLY)
        if sys.stdin is None:  # started without standard input, whose place the pipe takes here
            sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115  as long as the process
        super().__init__()
        self.name, self.descriptor = path, pipe

    def close(self) -> None:
        super().close()
        os.close(self.descriptor)
