"""Locks between processes; they end with the process that holds them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # a system without such locks: one process at a time is up to the user
    fcntl = None  # type: ignore[assignment]


def try_lock(path: Path) -> int | None:
    """A handle that holds a file or a folder until it is closed; None where there are no locks.

    Raises:
        BlockingIOError: another process holds it.
    """
    if fcntl is None:
        return None
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise
    except OSError:  # a network disk without locks
        os.close(handle)
        return None
    return handle


def hold(path: Path, make: Callable[[], None]) -> int | None:
    """``try_lock`` on what each holder makes and removes again before it lets go.

    Args:
        make: a file or a folder at ``path``, if it is not there.

    Raises:
        BlockingIOError: another process holds it.
    """
    while True:
        make()
        try:
            handle = try_lock(path)
        except FileNotFoundError:  # another process ended just now, and removed it
            continue
        if handle is None or is_still(handle, path):
            return handle
        os.close(handle)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait for the lock file ``path``, hold it, and remove it at the end."""
    if fcntl is None:
        yield
        return
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:  # a network disk without locks
            break
        if is_still(handle, path):
            break
        os.close(handle)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def is_still(handle: int, path: Path) -> bool:
    """Whether what was opened still has its name: whoever held it before may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False
