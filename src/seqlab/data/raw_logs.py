"""Event keys as files of sessions spell them, and raw logs, told from such files by their first lines."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from seqlab.errors import UserError

KEYS = "5, E5 or a hash such as a7e180bc"
# a hash has 8 digits or more: shorter hex words are words, such as `added`
KEY = re.compile(r"-?\d+|E\d+|[0-9a-f]{8,64}", re.ASCII)
_LIST = re.compile(r"""\s*"?\s*\[([^\[\]]*)\]\s*"?\s*""")  # ['E5', 'E22'], within quotes of a CSV or not
_LIST_MARKS = str.maketrans(dict.fromkeys("'\",", " "))

LOOKED_AT = 50  # lines
BYTES = 1 << 16
ARCHIVE_ENDINGS = (".zip", ".tar", ".tgz", ".tar.gz")  # seqlab detect reads one log, no archive
LOG_ENDINGS = (".log", ".out", ".gz", *ARCHIVE_ENDINGS)
OTHER_ENDINGS = (".csv", ".parquet", ".pkl", ".pickle", ".json", ".ckpt", ".html", ".xlsx", ".npy", ".npz")
_TIME = re.compile(r"\d{1,2}:\d\d:\d\d|\d{4}[-/.]\d\d[-/.]\d\d|^\d{6} \d{6}\b")
_WORD = re.compile(r"[^\W\d_]{3}")


class KeyNumbers(dict[str, int]):
    """Numbers keys in the order met; raises ValueError of what is no event key."""

    def __missing__(self, key: str) -> int:
        if not KEY.fullmatch(key):
            raise ValueError(key)
        self[key] = number = len(self)
        return number


def plain_keys(text: str) -> str:
    """Keys with spaces between them, also where they are written as a list of Python's."""
    if "[" not in text:
        return text
    found = _LIST.fullmatch(text)
    return text if found is None else found[1].translate(_LIST_MARKS)


def is_raw_log(path: Path) -> bool:
    """Whether a file holds lines as programs log them: told by its first lines, and no less by its name."""
    name = path.name.lower()
    if name.endswith(OTHER_ENDINGS):
        return False
    lines = _first_lines(path)
    if not lines or _is_session_line(lines[0]):
        return False
    words = [line for line in lines if not _is_session_line(line) and _WORD.search(line)]
    counts = [sum(_TIME.search(line) is not None for line in words), *_lines_of_formats(words).values()]
    if name.endswith(LOG_ENDINGS):
        counts.append(len(words))
    return max(counts) > len(lines) / 2


def _is_session_line(line: str) -> bool:
    """Whether it is ``blk_1,5 5 22``, the keys as a list of Python's, or bare keys."""
    names = plain_keys(line.partition(",")[2] if "," in line else line).split()
    return bool(names) and all(KEY.fullmatch(name) for name in names)


def _first_lines(path: Path) -> list[str]:
    """Up to LOOKED_AT lines, packed or not, without blank ones; none of a file that holds no text."""
    from seqlab.logs.reading import find_sources, read_chunks

    try:
        content = next(read_chunks(find_sources([str(path)]), chunk_bytes=BYTES)).content
    except (StopIteration, UserError):  # the reader of sessions says what is wrong with it
        return []
    if b"\x00" in content:
        return []
    lines = [line.strip() for line in content.decode("utf-8-sig", "replace").splitlines()]
    return [line for line in lines if line][:LOOKED_AT]


def _lines_of_formats(lines: list[str]) -> dict[str, int]:
    """How many lines fit each known format."""
    from seqlab.logs.known_formats import FORMATS, lines_that_fit

    return {name: lines_that_fit(lines, known) for name, known in FORMATS.items()}


def refuse_raw_log(path: Path, then: str = "then data.sessions=DIR takes them") -> None:
    """Raise UserError where a file of sessions was asked for, and it holds raw log lines."""
    if not is_raw_log(path):
        return
    counts = _lines_of_formats(_first_lines(path))
    name = max(counts, key=lambda each: counts[each])
    options = "" if name == "hdfs" else f" --format {name}"  # that of HDFS is parse's default
    if not counts[name]:
        options = " --format regex with --header and --session or --window"
    raise UserError(
        f"{path} is a raw log, not sessions of keys. `seqlab parse {shlex.quote(str(path))} --output "
        f"DIR{options}` makes sessions of it; {then}"
    )


def refuse_raw_log_of_model(path: Path, data: dict[str, Any]) -> None:
    """Raise UserError where sessions to judge were asked for, and a file holds raw log lines.

    Args:
        data: what a checkpoint says of its data.
    """
    if not is_raw_log(path):
        return
    log, parser = shlex.quote(str(path)), data.get("parser")
    options = "--output DIR --templates TRAINED"
    if parser is not None and (name := parser["log_format"]["name"]) != "hdfs":
        options += f" --format {name}" + (" and the other options of then" if name == "regex" else "")
    ways = f"`seqlab parse {log} {options}` makes sessions of it: give DIR in its place"
    if not path.name.endswith(ARCHIVE_ENDINGS):
        known = "" if parser is not None else " --parser TRAINED"
        ways = f"`seqlab detect CHECKPOINT {log}{known}` reads it as it is; or {ways}"
    raise UserError(
        f"{path} is a raw log, not sessions of keys. {ways}. TRAINED is the parse that the model's data "
        "came from"
    )
