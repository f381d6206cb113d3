"""Files that a reader finds whole or as they were before, and that one process writes at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

PART = ".seqlab-part"  # a name that nobody gives to a file of their own
RUN_LOCK = ".seqlab-lock"  # held in a run folder by the run that writes there


@contextmanager
def whole_file(path: Path, *, on_disk: bool = False) -> Iterator[Path]:
    """A name beside ``path`` to write under; at the end the file takes the place of ``path``, or is removed
    where writing failed. Where none was written ``path`` stays.

    Args:
        on_disk: wait for the disk before that, so that a power cut cannot leave an empty file.
    """
    part = path.with_name(f".{path.name}{PART}")
    try:
        yield part
        if not part.exists():  # there was nothing to write
            return
        if on_disk:
            sync(part)
        os.replace(part, path)
    except BaseException as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(path)  # a failed write does not say where
        raise


def sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk, not only on its way."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock file ``path``, which is removed at the end. The lock of a killed process is free.

    Args:
        wait: for another process that holds it.

    Raises:
        filelock.Timeout: another process holds it.
    """
    from filelock import FileLock

    with FileLock(path, timeout=-1 if wait else 0):
        try:
            yield
        finally:
            with suppress(OSError):  # of a folder that may not be written any more
                path.unlink(missing_ok=True)


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock file ``path``, which is not made where there is none."""
    from filelock import FileLock, Timeout

    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except (Timeout, OSError):  # a lock of somebody else's that may not be tried is taken for held
        return True


def let_go(stream: TextIO) -> None:
    """Send what a stream still holds to nowhere once its reader has left: Python would complain of it at the
    end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    except (OSError, ValueError):  # no file stands behind it, or it is closed
        pass
    finally:
        os.close(nowhere)
