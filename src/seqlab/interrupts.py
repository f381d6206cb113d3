"""The last words of a program that Ctrl-C or another signal ends."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

EXIT_INTERRUPTED = 130


@contextmanager
def last_words() -> Iterator[None]:
    """Around them nothing interrupts; after them Ctrl-C ends the process at once, without a traceback of
    what Python does at its end."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    if is_main:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted() -> int:
    """Say so; the exit code after Ctrl-C."""
    with last_words():
        print("interrupted", file=sys.stderr)
    return EXIT_INTERRUPTED
