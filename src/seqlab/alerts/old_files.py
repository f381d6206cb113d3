"""The last files that a log was before rotation: writers may be told late, so they are looked into."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from seqlab.alerts.lines import Piece
from seqlab.alerts.opened import OpenFile
from seqlab.alerts.rotation import Known, rotated_files
from seqlab.alerts.source import CHUNK_BYTES

END_SECONDS = 10.0  # an old file's last line waits for its newline
_KEPT = 2  # stay open, so that late lines are read, and lines that were read can be shown


class OldFiles:
    """They are open, the oldest first."""

    def __init__(self) -> None:
        self.files: list[OpenFile] = []

    def add(self, file: OpenFile) -> None:
        file.waits_until = time.monotonic() + END_SECONDS
        self.files.append(file)

    def restore(self, log: Path, places: list[dict[str, Any]]) -> list[str]:
        """Open those of a state that are still there.

        Returns:
            What was written to others before they were packed, in words.
        """
        lost = []
        for place in places:
            known = Known.of(place)
            for file in rotated_files(log):
                if file.packed:
                    if (file.text_bytes or 0) > known.read and known.begins(file.path):
                        lost.append(f"{file.path.name}: lines after its byte {known.read:,} were not read")
                elif file.found.st_ino == known.inode and known.is_in(file.path):
                    self.add(OpenFile(file.path, place["file"], place["offset"], place["line"]))
        return lost

    def read(self, *, waits: bool) -> Piece | None:
        """What came late. The oldest is read to its end and let go of where there are more than two.

        Args:
            waits: for the newline of a last line.
        """
        for file in list(self.files):
            while block := file.read(CHUNK_BYTES):
                if piece := file.cutter.put(block):
                    return piece
            leaves = len(self.files) > _KEPT and file is self.files[0]
            ends = leaves or not waits or time.monotonic() >= file.waits_until
            if ends and (piece := file.cutter.finish()):
                return piece
            if leaves:
                file.stream.close()
                self.files.remove(file)
        return None

    @property
    def inodes(self) -> set[int]:
        return {file.identity[1] for file in self.files}
