"""Standard output and standard error that nobody reads any more."""

from __future__ import annotations

import os
from typing import TextIO


def let_go(stream: TextIO) -> None:
    """Send to nowhere what a broken stream still holds: Python would complain of it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    except (OSError, ValueError):  # no file stands behind it, or it is closed
        pass
    finally:
        os.close(nowhere)
