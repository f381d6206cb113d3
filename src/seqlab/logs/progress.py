"""Lines per second on the terminal while a log is read."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from seqlab.logs.reading import Source


@contextmanager
def line_progress(sources: Sequence[Source]) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error where that is a terminal; nothing elsewhere. Takes lines and bytes so far."""
    sizes = [source.plain_bytes for source in sources]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    columns = (
        TextColumn("parsing"),
        BarColumn(),
        TextColumn("{task.fields[lines]:,} lines"),
        TextColumn("{task.fields[rate]:,.0f} lines/s"),
        TimeRemainingColumn(),
    )
    begin = time.perf_counter()
    quiet = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as bar:
        task = bar.add_task("parsing", total=total, lines=0, rate=0.0)

        def show(lines: int, position: int) -> None:
            rate = lines / max(time.perf_counter() - begin, 1e-9)
            bar.update(task, completed=position, lines=lines, rate=rate)

        yield show
