"""Raw logs, told from files of sessions by their first lines."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from seqlab.data.event_keys import KEY, plain_keys
from seqlab.errors import UserError

LOOKED_AT = 50  # lines
BYTES = 1 << 16
LOG_ENDINGS = (".log", ".out")
ARCHIVE_ENDINGS = (".zip", ".tar", ".tgz", ".tar.gz")  # seqlab detect reads one log, no archive
OTHER_ENDINGS = (".csv", ".parquet", ".pkl", ".pickle", ".json", ".ckpt", ".html", ".xlsx", ".npy", ".npz")
_TIME = re.compile(r"\d{1,2}:\d\d:\d\d|\d{4}[-/.]\d\d[-/.]\d\d|^\d{6} \d{6}\b")
_WORD = re.compile(r"[^\W\d_]{3}")


def is_raw_log(path: Path, header: str | None = None) -> bool:
    """Whether a file holds lines as programs log them: told by its first lines, and no less by its name.

    Args:
        header: of the lines that a model was trained on, tried beside those of the known formats.
    """
    name = path.name.lower()
    if name.endswith(OTHER_ENDINGS):
        return False
    lines = _first_lines(path)
    if not lines or _is_session_line(lines[0]):
        return False
    words = [line for line in lines if not _is_session_line(line) and _WORD.search(line)]
    enough = len(lines) / 2
    if name.endswith((*LOG_ENDINGS, *ARCHIVE_ENDINGS, ".gz")) and len(words) > enough:
        return True
    return sum(_TIME.search(line) is not None for line in words) > enough or _headers(words, header) > enough


def _is_session_line(line: str) -> bool:
    """Whether it is ``blk_1,5 5 22``, the keys as a list of Python's, or bare keys."""
    keys = line.partition(",")[2] if "," in line else line
    names = plain_keys(keys).split()
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


def _headers(lines: list[str], header: str | None) -> int:
    """How many lines have the header of one format, the most of any."""
    counts = _lines_of_formats(lines)
    # a header that matches the empty text says nothing
    own = 0 if not header or _matches([""], header) else _matches(lines, header)
    return max(own, *counts.values())


def _lines_of_formats(lines: list[str]) -> dict[str, int]:
    """How many lines fit each known format."""
    from seqlab.logs.known_formats import FORMATS, lines_that_fit

    return {name: lines_that_fit(lines, known) for name, known in FORMATS.items()}


def _matches(lines: list[str], header: str) -> int:
    import polars as pl

    return int(pl.Series(lines, dtype=pl.String).str.contains(header).sum())


def format_options(path: Path) -> str:
    """The options of ``seqlab parse`` for a log: nothing for the default format."""
    counts = _lines_of_formats(_first_lines(path))
    name = max(counts, key=lambda each: counts[each])
    if not counts[name]:
        return " --format regex with --header and --session or --window"
    return "" if name == "hdfs" else f" --format {name}"


def refuse_raw_log(path: Path) -> None:
    """Raise UserError where a file of sessions was asked for, and it holds raw log lines."""
    if is_raw_log(path):
        raise UserError(
            f"{path} is a raw log, not sessions of keys. `seqlab parse {shlex.quote(str(path))} --output "
            f"DIR{format_options(path)}` makes sessions of it; then data.sessions=DIR takes them"
        )


def refuse_raw_log_of_model(path: Path, data: dict[str, Any]) -> None:
    """Raise UserError where a file holds raw log lines.

    Args:
        data: what a checkpoint says of its data.
    """
    parser = data.get("parser")
    if not is_raw_log(path, None if parser is None else parser["log_format"]["header"]):
        return
    log = shlex.quote(str(path))
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
