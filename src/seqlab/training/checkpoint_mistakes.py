"""What came in place of a checkpoint, and what to give instead. Loads no torch."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

from seqlab.errors import GIVE_BEST, CheckpointError, memory_error

BEST = "checkpoints/best.ckpt"
BELOW = (BEST, "best.ckpt", f"*/{BEST}", f"*/*/{BEST}")  # of a run, its checkpoints, a model's runs, all runs
TEXT = 40  # characters of a text that are shown


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
    for other in others:
        if isinstance(other, str | Path) and any(name.endswith("/data.pkl") for name in _names(Path(other))):
            return str(other)
    return None


def _of_folder(folder: Path) -> tuple[str, str]:
    for pattern in BELOW:
        found = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime)
        if found:
            which = "" if len(found) == 1 else f", the newest of {len(found)}"
            return "it is a folder", f"give {found[-1]}{which}"
    if (folder / "settings.json").is_file():
        return "it is a folder of seqlab export", f"{GIVE_BEST}; an ONNX one goes with `seqlab detect --onnx`"
    return f"it is a folder without {BEST}", GIVE_BEST


def _of_file(path: Path, said: str) -> str:
    with path.open("rb") as file:
        head = file.read(4096)
    if not head:
        return "it is empty"
    if foreign := re.search(r"GLOBAL ([\w.]+)", said):
        return f"it holds {foreign[1]}, which no checkpoint of seqlab does; nothing in it was executed"
    if head.startswith(b"PK"):
        names = _names(path)
        if any("/code/" in name for name in names):
            return "it is a network of torch's own, as torch.jit writes it"
        is_foreign = names and not any(name.endswith("data.pkl") for name in names)
        return "it is a zip file with other content" if is_foreign else "it is damaged or cut off"
    text = head.decode("utf-8", errors="ignore")
    if len(head) - len(text.encode()) > 3 or "\0" in text:  # a character may be cut off at the end
        return "it is damaged, or of another program"
    return f"it is a text that begins {text.strip()[:TEXT].partition(chr(10))[0]!r}"


def _names(path: Path) -> list[str]:
    """The names in a zip file, as ``torch.save`` writes one; none of another file."""
    try:
        with zipfile.ZipFile(path) as opened:
            return opened.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return []
