"""Lines per second on the terminal while a log is read."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from seqlab.logs.reading import Source


class LineProgress:
    """A bar on standard error where that is a terminal; nothing elsewhere.

    Args:
        resumed: the first report says where an earlier run ended; its lines are not of this run's speed.

    Attributes:
        lines_before: lines of the earlier run.
        seconds: of this run, once it has ended.
    """

    def __init__(self, sources: Sequence[Source], resumed: bool = False) -> None:
        sizes = [source.plain_bytes for source in sources]
        total = sum(size for size in sizes if size is not None) if None not in sizes else None
        self._bar = Progress(
            TextColumn("parsing"),
            BarColumn(),
            TextColumn("{task.fields[lines]:,} lines"),
            TextColumn("{task.fields[rate]:,.0f} lines/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("parsing", total=total, lines=0, rate=0.0)
        self._begin = time.perf_counter()
        self.seconds = 0.0
        self.lines_before = 0
        self._resumed = resumed

    def __enter__(self) -> LineProgress:
        self._begin = time.perf_counter()
        self._bar.start()
        return self

    def __call__(self, lines: int, position: int) -> None:
        if self._resumed:
            self.lines_before, self._resumed = lines, False
        rate = (lines - self.lines_before) / max(time.perf_counter() - self._begin, 1e-9)
        self._bar.update(self._task, completed=position, lines=lines, rate=rate)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._begin
        self._bar.stop()
