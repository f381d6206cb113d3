"""What moves on a terminal while a program works: a line that says what it does, bars with the time left.

In pipes and files nothing is written; a notebook has bars of its own.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable
from typing import Any, TypeVar

T = TypeVar("T")
DELAY = 2.0  # seconds that a step may take without a bar
SIGNS = "|/-\\"
EVERY = 0.2  # seconds between two signs


class _Now:
    began = time.perf_counter()
    line: _Line | None = None
    bars: tuple[Any, ...] = ()


_now = _Now()


def begin() -> None:
    """A run begins now: ``seconds_since`` counts from here."""
    _now.began = time.perf_counter()


def seconds_since() -> float:
    """Since the run began: importing libraries counts."""
    return time.perf_counter() - _now.began


def on_terminal() -> bool:
    """Whether somebody watches this process: of several only the first is watched."""
    is_first = os.environ.get("LOCAL_RANK", "0") == os.environ.get("SLURM_PROCID", "0") == "0"
    return is_first and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def show(doing: str) -> None:
    """Say on the terminal what is being done, until ``clear`` or another ``show``."""
    clear()
    if on_terminal():
        _now.line = _Line(doing)
        _now.line.start()


def clear() -> None:
    """Take the line away: before anything else is written."""
    if _now.line is not None:
        _now.line.end()
        _now.line = None


def bar(doing: str, total: float | None = None, unit: str = " batches", **more: Any) -> Any:
    """A bar of tqdm on standard error, in a notebook Jupyter's own; it shows nothing where nobody watches.

    It comes once the step takes over DELAY seconds and goes when it ends, unless ``more``, arguments of tqdm,
    say another thing.
    """
    from tqdm.auto import tqdm

    look = {"leave": False, "delay": DELAY, "dynamic_ncols": True, "file": sys.stderr}
    is_quiet = not (on_terminal() or in_notebook())
    made = tqdm(desc=doing, total=total, unit=unit, disable=is_quiet, **(look | more))
    _now.bars = (*(each for each in _now.bars if not each.disable), made)  # tqdm disables those that ended
    return made


def track(items: Iterable[T], doing: str, total: int | None = None, unit: str = "batches") -> Iterable[T]:
    """The items, with a bar while they last."""
    if not (on_terminal() or in_notebook()):
        return items
    return bar(doing, total, f" {unit}", iterable=items)


def in_notebook() -> bool:
    """Whether the code runs in a Jupyter kernel."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell"


class _Line(threading.Thread):
    """The cursor stays at the start of the line, so that what another part prints stands there whole."""

    def __init__(self, doing: str) -> None:
        super().__init__(daemon=True)
        self.doing = doing
        self._ended = threading.Event()

    def run(self) -> None:
        start, number = time.perf_counter(), 0
        while not self._ended.wait(EVERY):
            if not _bar_is_shown():
                seconds = time.perf_counter() - start
                self._write(f"{SIGNS[number % len(SIGNS)]} {self.doing} {seconds:.0f} s\r")
            number += 1

    def end(self) -> None:
        self._ended.set()
        self.join()
        self._write("")

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def _bar_is_shown() -> bool:
    return any(not each.disable and time.time() - each.start_t > each.delay for each in _now.bars)
