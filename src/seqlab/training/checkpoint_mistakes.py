"""What came in the place of a checkpoint, and what to give instead. Loads no torch."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from seqlab.errors import UserError
from seqlab.exporting.folder import NETWORKS, SETTINGS

BEST = "checkpoints/best.ckpt"
GIVE = f"give a run's best.ckpt: runs/.../{BEST}"
BELOW = (BEST, "best.ckpt", f"*/{BEST}", f"*/*/{BEST}")  # of a run, its checkpoints, a model's runs, all runs
HEAD = 4096  # bytes by which a file is told
NO_MEMORY = (  # words of a RuntimeError of torch, of one of its binding to Python, and of the system
    "can't allocate memory",
    "Could not allocate bytes object",
    "Cannot allocate memory",
)
TEXT = 40  # characters of a text that are shown
_MAGIC = {
    b"\x1f\x8b": "it is a gzip file",
    b"PAR1": "it is a Parquet file",
    b"\x28\xb5\x2f\xfd": "it is a zstd file",
}


class CheckpointError(UserError):
    """A path that leads to no checkpoint.

    Args:
        path: as it was given.
        reason: what is there.
        advice: what to do.
    """

    def __init__(self, path: str | Path, reason: str, advice: str = GIVE) -> None:
        super().__init__(f"{path}: {reason}; {advice}")
        self.path, self.reason, self.advice = path, reason, advice

    def __reduce__(self) -> tuple[type[CheckpointError], tuple[str | Path, str, str]]:
        """For processes that hand errors on."""
        return type(self), (self.path, self.reason, self.advice)


def no_checkpoint(path: str | Path, error: Exception) -> CheckpointError:
    """What to say of a path at which torch failed.

    Args:
        error: torch's own, whose words are for those who call it.
    """
    given = Path(path)
    if isinstance(error, MemoryError) or any(words in str(error) for words in NO_MEMORY):
        return CheckpointError(
            path,
            f"memory was not enough to read its {given.stat().st_size:,} bytes",
            "end other programs, or read it where there is more memory",
        )
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return CheckpointError(path, "no such checkpoint", f"the path is relative to {Path.cwd()}")
    if given.is_dir():
        reason, advice = _of_folder(given)
        return CheckpointError(path, f"cannot be read as a checkpoint: {reason}", advice)
    try:
        reason = _of_file(given, str(error))
    except OSError as unreadable:
        reason = unreadable.strerror or str(unreadable)
    return CheckpointError(path, f"cannot be read as a checkpoint: {reason}")


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
    if (folder / SETTINGS).is_file() and any((folder / name).is_file() for name in NETWORKS.values()):
        return "it is a folder of seqlab export", f"{GIVE}; an ONNX one goes with `seqlab detect --onnx`"
    return f"it is a folder without {BEST}", GIVE


def _of_file(path: Path, said: str) -> str:
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        return "it is empty"
    if (known := next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)) is not None:
        return known
    if path.suffix == ".onnx":
        return "it is an ONNX file"
    if head.startswith(b"PK"):
        return _of_zip(path, said)
    if (text := _text(head)) is not None:
        line = text.strip().split("\n", 1)[0].strip()
        return f"it is a text that begins {line[:TEXT]!r}"
    return "it is damaged, or of another program"


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


def _text(head: bytes) -> str | None:
    text = head.decode("utf-8", errors="ignore")
    strange = len(head) - len(text.encode()) > 3  # a character may be cut off at the end
    return None if strange or any(letter < " " and letter not in "\t\r\n\f\x1b" for letter in text) else text


def _is_saved(path: Path) -> bool:
    """Whether ``torch.save`` wrote it."""
    try:
        if not path.is_file() or not zipfile.is_zipfile(path):
            return False
        with zipfile.ZipFile(path) as opened:
            return any(name.endswith("/data.pkl") for name in opened.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
