"""What one chunk of a log adds to its sessions: the part of a parse that machines can do side by side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.logs.lines import LineReader, read_lines
from seqlab.logs.reading import Chunk
from seqlab.logs.windows import TimeWindows

NO_TIME = "no time"
MONSTROUS = "too long"
SHOWN_CHARACTERS = 200
SHOWN_LINES = 5  # skipped lines that are kept to be shown, for each reason


class SkippedLine(NamedTuple):
    """A line that was not understood."""

    line: int  # place in its chunk; from 0
    offset: int  # byte in its log
    text: str  # its beginning


class MappedChunk(NamedTuple):
    """A chunk taken apart, its templates not yet known. M messages, E events, U distinct messages."""

    num_lines: int
    distinct: list[str]  # (U,) masked messages
    examples: list[str]  # (U,) the first line of each
    code: NDArray[np.integer]  # (M,)
    events: pl.DataFrame  # (E,) message, place in its line, session, time, offset; with labels abnormal
    timed: int  # messages whose time could be read
    skipped: dict[str, tuple[int, list[SkippedLine]]]  # by reason: how many, and the first
    parameters: pl.DataFrame | None  # (M,) offset, masked message and values, where the reader keeps values


def map_chunk(chunk: Chunk, reader: LineReader, windows: TimeWindows | None, base: int) -> MappedChunk:
    """Take a chunk apart.

    Args:
        windows: what makes sessions where the format names none.
        base: added to offsets: bytes of all logs before this one.
    """
    lines, starts = read_lines(chunk.content, at_start=chunk.start == 0)
    found = reader(lines)
    offsets = starts + chunk.start
    event_message, sessions = found.event_message, found.event_session
    skipped = {
        reason: (len(places), [_shown(chunk, starts, int(place)) for place in places[:SHOWN_LINES]])
        for reason, places in found.skipped.items()
    }
    if sessions is None:
        assert windows is not None  # the command asks for one of the two
        event_message, sessions = windows.events(found.time)
        timeless = found.place[found.time.is_null().to_numpy()]
        if len(timeless):
            shown = [_shown(chunk, starts, int(place)) for place in timeless[:SHOWN_LINES]]
            skipped[NO_TIME] = (len(timeless), shown)
    if chunk.cut_lines:
        count, shown = skipped.get(MONSTROUS, (0, []))
        skipped[MONSTROUS] = (count + chunk.cut_lines, shown)
    first = np.zeros(len(found.distinct), dtype=np.int64)
    first[found.code[::-1]] = np.arange(len(found.code))[::-1]
    event = np.arange(len(event_message))
    begins = np.diff(event_message, prepend=-1) != 0
    events = {
        "place": (event - np.maximum.accumulate(np.where(begins, event, 0))).astype(np.uint32),
        "message": event_message.astype(np.uint32),
        "session": sessions,
        "time": found.time.gather(event_message),
        "offset": offsets[found.place][event_message] + base,
    }
    if found.abnormal is not None:
        events["abnormal"] = found.abnormal.gather(event_message)
    parameters = None
    if found.values is not None:
        messages = pl.Series(found.distinct, dtype=pl.String).gather(found.code)
        parameters = pl.DataFrame(
            {"line_offset": offsets[found.place] + base, "message": messages, "values": found.values}
        )
    return MappedChunk(
        len(lines) + chunk.cut_lines,
        found.distinct,
        lines.gather(found.place[first]).str.head(SHOWN_CHARACTERS).to_list(),
        found.code,
        pl.DataFrame(events),
        found.time.count(),
        skipped,
        parameters,
    )


def _shown(chunk: Chunk, starts: NDArray[np.int64], place: int) -> SkippedLine:
    start = int(starts[place])
    text = chunk.content[start : start + SHOWN_CHARACTERS].split(b"\n", 1)[0].rstrip(b"\r")
    return SkippedLine(place, chunk.start + start, text.decode("utf-8", "backslashreplace"))


def group_events(events: pl.DataFrame, ids: NDArray[np.int32]) -> pl.DataFrame:
    """One row for each session of a chunk, in the order of their first lines.

    Args:
        events: of a MappedChunk.
        ids: (M,) template of each message.
    """
    keys = pl.Series("keys", ids[events["message"].to_numpy()], dtype=pl.Int32)
    columns = [
        pl.col("keys"),
        pl.col("offset").alias("line_offsets"),
        pl.col("place").first().alias("first_place"),
        pl.col("time").min().alias("first_time"),
        pl.col("time").max().alias("last_time"),
        pl.col("time").alias("times"),
    ]
    if "abnormal" in events.columns:
        columns.append(pl.col("abnormal").any())
    return events.with_columns(keys).group_by("session", maintain_order=True).agg(columns)
