"""The formats that are ready, which of them fits a log, and what a format sees in its first lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import yaml

from seqlab.errors import UserError
from seqlab.logs.formats import LogFormat
from seqlab.logs.line_reader import LineReader
from seqlab.logs.lines import Lines
from seqlab.logs.masking import MASK, SHOWN
from seqlab.logs.reading import STDIN, Source, read_chunks

LOOKED_AT = 200  # lines
TAKEN_APART = 10  # lines
_TABLE = yaml.safe_load(Path(__file__).with_name("formats.yaml").read_text(encoding="utf-8"))
FORMATS = {name: LogFormat.from_state({"name": name} | settings) for name, settings in _TABLE.items()}
ALL = f"{', '.join(FORMATS)}, regex with --header, or auto"


def find_format(name: str) -> LogFormat:
    """A format by name.

    Raises:
        UserError: an unknown one.
    """
    if name not in FORMATS:
        raise UserError(f"--format {name}: choose {ALL}")
    return FORMATS[name]


def first_lines(source: Source) -> list[str]:
    """Up to LOOKED_AT lines of a log, blank ones left out.

    Raises:
        UserError: standard input, which is read once.
    """
    if source.path == STDIN:
        raise UserError("--format auto looks at a log before it is read: name the format of standard input")
    lines: list[str] = []
    for chunk in read_chunks([source], chunk_bytes=1 << 16):
        lines += [line for line in Lines.of(chunk).texts if line.strip()]
        if len(lines) >= LOOKED_AT:
            break
    return lines[:LOOKED_AT]


def lines_that_fit(lines: Sequence[str], known: LogFormat) -> int:
    """How many lines have the header, or the field of the message, of a format."""
    return int(LineReader(known).messages(pl.Series(lines, dtype=pl.String))[1].sum())


def fitting_format(source: Source, formats: Sequence[LogFormat]) -> tuple[LogFormat, str]:
    """The format that fits most of a log's first lines, and a sentence that says so.

    Raises:
        UserError: none fits at least half of them.
    """
    lines = first_lines(source)
    counts = [lines_that_fit(lines, known) for known in formats]
    most = max(counts)
    if not lines or most * 2 < len(lines):
        shown = f", such as {lines[0][:80]!r}" if lines else ""
        raise UserError(
            f"{source.name}: no format fits its first lines{shown}: give --format regex with --header, and "
            "look at it with --try"
        )
    best = formats[counts.index(most)]
    return best, f"{best.name}: fits {most} of the first {len(lines)} lines"


def taken_apart(lines: Sequence[str], log_format: LogFormat) -> str:
    """What a format sees in the first lines: time, session, label, masked message; or why none."""
    lines = lines[:TAKEN_APART]
    found = LineReader(log_format)(pl.Series(lines, dtype=pl.String))
    sessions: dict[int, list[str]] = {}
    if found.event_session is not None:
        for message, session in zip(found.event_message.tolist(), found.event_session, strict=True):
            sessions.setdefault(message, []).append(session)
    texts = {int(place): f"skipped  {reason}" for reason, places in found.skipped.items() for place in places}
    for message, place in enumerate(found.place.tolist()):
        rows = [
            ("time", str(found.time[message] or "none")),
            ("session", ", ".join(sessions.get(message, ["none: --session or --window"]))),
            ("message", found.distinct[found.code[message]].replace(MASK, SHOWN)),
        ]
        if found.abnormal is not None:
            rows.insert(2, ("label", "abnormal" if found.abnormal[message] else "normal"))
        texts[place] = "\n".join(f"  {name:9}{text}" for name, text in rows).lstrip()
    return "\n".join(f"{line}\n  {texts[place]}" for place, line in enumerate(lines))
