"""What came in place of a checkpoint, and what to give instead. Loads no torch."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from seqlab.errors import GIVE_BEST, CheckpointError, memory_error

BEST = "checkpoints/best.ckpt"
BELOW = (BEST, "best.ckpt", f"*/{BEST}", f"*/*/{BEST}")  # of a run, its checkpoints, a model's runs, all runs
HEAD = 4096  # bytes by which a file is told
TEXT = 40  # characters of a text that are shown
_MAGIC = {b"\x1f\x8b": "a gzip file", b"PAR1": "a Parquet file", b"\x28\xb5\x2f\xfd": "a zstd file"}


def no_checkpoint(path: str | Path, error: Exception) -> CheckpointError:
    """What to say of a path at which torch failed.

    Args:
        error: torch's own, whose words are for those who call it.
    """
    given = Path(path)
    if memory_error(error) is not None:
        return CheckpointError(
            path,
            f"memory was not enough to read its {given.stat().st_size:,} bytes",
            "end other programs, or read it where there is more memory",
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return CheckpointError(path, "no such checkpoint", f"the path is relative to {Path.cwd()}")
    advice = GIVE_BEST
    if given.is_dir():
        reason, advice = _of_folder(given)
    else:
        try:
            reason = _of_file(given, str(error))
        except OSError as unreadable:
            reason = unreadable.strerror or str(unreadable)
    return CheckpointError(path, f"cannot be read as a checkpoint: {reason}", advice)


def given_elsewhere(others: Iterable[object]) -> str | None:
    """The first of the other arguments of a command that is a checkpoint: two were swapped."""
    paths = (Path(other) for other in others if isinstance(other, str | Path))
    return next((str(path) for path in paths if _is_saved(path)), None)


def _of_folder(folder: Path) -> tuple[str, str]:
    for pattern in BELOW:
        found = [path for path in folder.glob(pattern) if path.is_file()]
        if found:
            newest = max(found, key=lambda path: path.stat().st_mtime)
            which = "" if len(found) == 1 else f", the newest of {len(found)}"
            return "it is a folder", f"give {newest}{which}"
    if (folder / "settings.json").is_file() and any(folder.glob("model.*")):
        return "it is a folder of seqlab export", f"{GIVE_BEST}; an ONNX one goes with `seqlab detect --onnx`"
    return f"it is a folder without {BEST}", GIVE_BEST


def _of_file(path: Path, said: str) -> str:
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        return "it is empty"
    for magic, kind in _MAGIC.items():
        if head.startswith(magic):
            return f"it is {kind}"
    if path.suffix == ".onnx":
        return "it is an ONNX file"
    if head.startswith(b"PK"):
        return _of_zip(path, said)
    text = head.decode("utf-8", errors="ignore")
    strange = len(head) - len(text.encode()) > 3  # a character may be cut off at the end
    if strange or any(letter < " " and letter not in "\t\r\n\f\x1b" for letter in text):
        return "it is damaged, or of another program"
    line = text.strip().split("\n", 1)[0].strip()
    return f"it is a text that begins {line[:TEXT]!r}"


def _of_zip(path: Path, said: str) -> str:
    try:
        with zipfile.ZipFile(path) as opened:
            names = opened.namelist()
    except zipfile.BadZipFile:
        return "it is damaged or cut off"
    if any("/code/" in name or name.endswith("archive_format") for name in names):
        return "it is a network of torch's own, as torch.export or torch.jit write it"
    if not any(name.endswith("data.pkl") for name in names):
        return "it is a zip file with other content"
    if foreign := re.search(r"GLOBAL ([\w.]+)", said):
        return f"it holds {foreign[1]}, which no checkpoint of seqlab does; nothing in it was executed"
    return "it is damaged"


def _is_saved(path: Path) -> bool:
    """Whether ``torch.save`` wrote it."""
    try:
        with zipfile.ZipFile(path) as opened:
            return any(name.endswith("/data.pkl") for name in opened.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
