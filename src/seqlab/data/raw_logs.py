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

_LOOKED_AT = 50  # lines
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


def format_of_raw_log(path: Path) -> str | None:
    """The format that most of a raw log's first lines fit, or regex; None of a file that is no raw log.

    A raw log has words and a time in most of its first lines, or fits a format, and does not begin with keys.
    """
    from seqlab.logs.formats import FORMATS
    from seqlab.logs.settings import first_lines, lines_that_fit

    if path.suffix.lower() == ".csv":  # its columns say better what it is
        return None
    try:
        lines = first_lines(str(path))[:_LOOKED_AT]
    except UserError:  # the reader of sessions says what is wrong with it
        return None
    if not lines or _is_session_line(lines[0]):
        return None
    words = [line for line in lines if _WORD.search(line) and not _is_session_line(line)]
    counts = {name: lines_that_fit(words, known) for name, known in FORMATS.items()}
    timed = sum(_TIME.search(line) is not None for line in words)
    if max(timed, *counts.values()) <= len(lines) / 2:
        return None
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else "regex"


def _is_session_line(line: str) -> bool:
    """Whether it is ``blk_1,5 5 22``, the keys as a list of Python's, or bare keys."""
    names = plain_keys(line.partition(",")[2] if "," in line else line).split()
    return bool(names) and all(KEY.fullmatch(name) for name in names)


def refuse_raw_log(path: Path, then: str = "then data.sessions=DIR takes them") -> None:
    """Raise UserError where a file of sessions was asked for, and it holds raw log lines."""
    name = format_of_raw_log(path)
    if name is None:
        return
    options = "" if name == "hdfs" else f" --format {name}"  # it is found by itself
    if name == "regex":
        options += " with --header and --session or --window"
    raise UserError(
        f"{path} is a raw log, not sessions of keys. `seqlab parse {shlex.quote(str(path))} --output "
        f"DIR{options}` makes sessions of it; {then}"
    )


def refuse_raw_log_of_model(path: Path, data: dict[str, Any]) -> None:
    """Raise UserError where sessions to judge were asked for, and a file holds raw log lines.

    Args:
        data: what a checkpoint says of its data.
    """
    if format_of_raw_log(path) is None:
        return
    log, parser = shlex.quote(str(path)), data.get("parser")
    options = "--output DIR --templates TRAINED"
    if parser is not None and (name := parser["log_format"]["name"]) != "hdfs":
        options += f" --format {name}" + (" and the other options of then" if name == "regex" else "")
    known = "" if parser is not None else " --parser TRAINED"
    raise UserError(
        f"{path} is a raw log, not sessions of keys. `seqlab detect CHECKPOINT {log}{known}` reads it as it "
        f"is; or `seqlab parse {log} {options}` makes sessions of it: give DIR in its place. TRAINED is the "
        "parse that the model's data came from"
    )
