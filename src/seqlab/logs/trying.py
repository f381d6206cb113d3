"""Ten lines of a log taken apart, to see whether a format fits before it is parsed."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from seqlab.logs.formats import LogFormat
from seqlab.logs.lines import LineReader
from seqlab.logs.masking import MASK, SHOWN

LINES = 10


def taken_apart(lines: Sequence[str], log_format: LogFormat) -> str:
    """What a format sees in the first lines: time, session, label, masked message; or why none."""
    lines = lines[:LINES]
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
