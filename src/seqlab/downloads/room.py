"""Room on the disk: asked for before it is needed, and what to say where there is none."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from seqlab.errors import UserError

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
MAKE_ROOM = "make room, or set SEQLAB_DATA or --to to a larger disk"


def check_room(folder: Path, needed: int, what: str, named: Path | None = None) -> None:
    """Raise UserError where the disk of ``folder`` cannot take so many bytes: others use it, too.

    Args:
        what: they are, as ``{needed:,} bytes are to come``.
        named: the folder to tell of, where it is another.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(f"{named or folder}: no room left: {what}, {free:,} free; {MAKE_ROOM}")


def no_room(folder: Path, error: OSError) -> str:
    """What to tell about a write that failed."""
    if error.errno in NO_ROOM:
        reason = os.strerror(error.errno or 0)
        return f"{folder}: no room left ({reason}). What was begun is removed; {MAKE_ROOM}"
    return f"{error.filename or folder}: {error.strerror or error}; SEQLAB_DATA or --to name another folder"
