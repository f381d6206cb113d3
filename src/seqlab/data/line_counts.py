"""What became of the lines of a file: each is used, or skipped for a reason that the user is told."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)

BLANK = "blank"


@dataclass
class LineCounts:
    """Filled by the reader of one file: ``lines = used + skipped``."""

    path: str | Path
    lines: int = 0
    skipped: Counter[str] = field(default_factory=Counter)  # by reason, as ``notices`` names it

    @property
    def used(self) -> int:
        return self.lines - self.skipped.total()

    def notices(self) -> list[str]:
        """What to tell the user; nothing where every line was used."""
        if not self.skipped.total():
            return []
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.skipped.items() if count)
        return [f"{self.path}: {self.used:,} of {self.lines:,} lines are used; left out: {reasons}"]

    def tell(self) -> None:
        """Log ``notices``: what a command says of a file that a finished model reads."""
        for notice in self.notices():
            log.warning("note: %s", notice)
