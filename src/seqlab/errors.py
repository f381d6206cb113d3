"""What a user can mend: mistakes, too little memory, a disk that cannot be written. Loads no torch."""

from __future__ import annotations

import errno
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# what makes batches smaller, in the order in which to try it
SETTINGS = ("batch_tokens", "batch_size", "scoring_batch_size", "piece_length", "num_streams", "seq_length")
# PyTorch's own, on the CPU and on a GPU; on the CPU it has no class of its own
_TORCH = re.compile(
    r"not enough memory|(can't|cannot|could not) allocate|out of memory|CUBLAS_STATUS_ALLOC_FAILED", re.I
)
GIVE_BEST = "give a run's best.ckpt: runs/.../checkpoints/best.ckpt"
_FULL = {errno.ENOSPC, errno.EDQUOT}
# of SQLite, of polars, and of polars where the end of a file finds no room
_FULL_TEXT = re.compile("disk is full|no space left on device|quota exceeded|thrift: transport error", re.I)
_REFUSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
_REFUSED_TEXT = re.compile("readonly database|unable to open database file|disk I/O error", re.I)
_WANTED = re.compile(r"allocate ([\d.]+ ?\w+)")


LONGEST_SHOWN = 200  # characters of a bad value that a message repeats
# what a terminal obeys, what turns the direction of a line, halves of surrogate pairs
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escaped(text: str) -> str:
    """Text without control characters other than tab and newline: each stands as its escape."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def printed(text: str) -> str:
    """Text as standard output may have it: escaped on a terminal, as it is in a file or a pipe."""
    return escaped(text) if sys.stdout.isatty() else text


def escaped_json(text: str) -> str:
    """JSON text with those control characters as ``\\u009b`` that the json module writes as they are."""
    return _CONTROL.sub(lambda found: json.dumps(found[0])[1:-1], text)


def shown(value: object, longest: int = LONGEST_SHOWN) -> str:
    """A bad value as a message repeats it: on one line, its first 200 characters, control characters
    escaped; fewer where a message shows several."""
    text = str(value)
    line = escaped(text[:longest]).replace("\n", "\\n").replace("\t", "\\t")
    if len(text) <= longest and len(line) <= longest:
        return line
    return f"{line[:longest]}... ({len(text):,} characters)"


class UserError(ValueError):
    """A mistake in a command, a config or an input file.

    The message stands alone: what came, what is accepted, what to do. The command line prints it without
    a traceback and exits with code 2. It repeats what came with ``shown``; control characters are escaped in
    any case, so that no file can steer a terminal.
    """

    def __init__(self, message: object) -> None:
        super().__init__(escaped(str(message)))


class CheckpointError(UserError):
    """A path that leads to no checkpoint.

    Args:
        path: as it was given.
        reason: what is there.
        advice: what to do.
    """

    def __init__(self, path: str | Path, reason: str, advice: str = GIVE_BEST) -> None:
        super().__init__(f"{path}: {reason}; {advice}")
        self.path, self.reason, self.advice = path, reason, advice

    def __reduce__(self) -> tuple[type[CheckpointError], tuple[str | Path, str, str]]:
        """For processes that hand errors on."""
        return type(self), (self.path, self.reason, self.advice)


def missing_file(path: str | Path) -> UserError:
    """What to say of a path where no file is."""
    return UserError(f"{path}: no such file; the path is relative to {Path.cwd()}")


def memory_error(error: BaseException) -> BaseException | None:
    """What Python, NumPy or PyTorch raised because the memory is not enough: this error or one behind it."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or (isinstance(seen, RuntimeError) and _TORCH.search(str(seen))):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def memory_message(error: BaseException, data: Mapping[str, Any] | None = None) -> str | None:
    """What to tell of a memory error; None for any other error.

    Args:
        data: the ``data`` of a run's config; None for a command that reads files with a finished model.
    """
    lacking = memory_error(error)
    if lacking is None:
        return None
    wanted = _WANTED.search(str(lacking))
    where = "GPU memory" if "CUDA" in str(lacking) else "memory"
    came = f"not enough {where}{f' to allocate {wanted[1]}' if wanted else ''}"
    if data is None:
        return f"{came}: give the file in smaller parts, or use a machine with more"
    keys = [f"data.{key} (now {data[key]})" for key in SETTINGS if data.get(key) is not None]
    return f"{came}: lower {', '.join([*keys, 'or the sizes of model.network'])}"


def disk_message(error: BaseException, folder: Path | None = None) -> str | None:
    """What to tell of a disk that is full or refuses a file, and of a folder that is gone; None for any other
    error.

    Args:
        folder: that this program writes into, for errors that name no file.
    """
    seen: BaseException | None = error
    while seen is not None:
        number = seen.errno if isinstance(seen, OSError) else None
        named = getattr(seen, "filename2", None) or getattr(seen, "filename", None)
        where = shown(named or folder or "a file")
        if number in _FULL or _FULL_TEXT.search(str(seen)):
            return f"{where}: the disk is full; make room there. What was saved before is kept"
        if number in _REFUSED or _REFUSED_TEXT.search(str(seen)):
            reason = seen.strerror if isinstance(seen, OSError) else str(seen).split("\n", 1)[0]
            return f"{where}: {reason}; choose another folder, or let this one be written to"
        if isinstance(seen, OSError) and folder is not None and not folder.exists():
            return f"{folder}: the folder is gone: it was moved or deleted while it was in use"
        seen = seen.__cause__ or seen.__context__
    return None
