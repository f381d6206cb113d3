"""What one chunk of a log adds to its sessions: the part of a parse that machines can do side by side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.logs.line_reader import LineReader
from seqlab.logs.lines import Lines, Skipped
from seqlab.logs.reading import SHOWN_BYTES, Chunk

_MOST_SESSIONS = 1 << 16  # of a line: it has no more letters


class MappedChunk(NamedTuple):
    """A chunk taken apart, its templates not yet known. M messages, E events, U distinct messages."""

    num_lines: int
    distinct: list[str]  # (U,) masked messages
    examples: list[str]  # (U,) the first line of each
    code: NDArray[np.integer]  # (M,)
    events: pl.DataFrame  # (E,) message, session, time, offset, order (of sessions); with labels abnormal
    timed: int  # messages whose time could be read
    skipped: Skipped
    parameters: pl.DataFrame | None  # (M,) offset, masked message and values, where the reader keeps values


def map_chunk(chunk: Chunk, reader: LineReader, base: int) -> MappedChunk:
    """Take a chunk apart.

    Args:
        base: added to offsets: bytes of all logs before this one.
    """
    lines = Lines.of(chunk)
    found = reader(lines.column)
    assert found.event_session is not None  # the settings ask for session keys or windows
    message = found.event_message
    offsets = lines.offsets[found.place] + base
    first = np.zeros(len(found.distinct), dtype=np.int64)
    first[found.code[::-1]] = np.arange(len(found.code))[::-1]
    event = np.arange(len(message))
    begins = np.maximum.accumulate(np.where(np.diff(message, prepend=-1) != 0, event, 0))
    events = {
        "message": message.astype(np.uint32),
        "session": found.event_session,
        "time": found.time.gather(message),
        "offset": offsets[message],
        "order": offsets[message] * _MOST_SESSIONS + event - begins,
    }
    if found.abnormal is not None:
        events["abnormal"] = found.abnormal.gather(message)
    parameters = None
    if found.values is not None:
        messages = pl.Series(found.distinct, dtype=pl.String).gather(found.code)
        parameters = pl.DataFrame({"line_offset": offsets, "message": messages, "values": found.values})
    return MappedChunk(
        lines.num_read,
        found.distinct,
        lines.column.gather(found.place[first]).str.head(SHOWN_BYTES).to_list(),
        found.code,
        pl.DataFrame(events),
        found.time.count(),
        lines.skipped(found.skipped),
        parameters,
    )


def group_events(events: pl.DataFrame, ids: NDArray[np.int32]) -> pl.DataFrame:
    """One row for each session of a chunk, in the order of their first lines.

    Args:
        events: of a MappedChunk.
        ids: (M,) template of each message.
    """
    keys = pl.Series("keys", ids[events["message"].to_numpy()], dtype=pl.Int32)
    columns = [
        pl.col("order").first(),
        pl.col("keys"),
        pl.col("offset").alias("line_offsets"),
        pl.col("time").min().alias("first_time"),
        pl.col("time").max().alias("last_time"),
        pl.col("time").alias("times"),
    ]
    if "abnormal" in events.columns:
        columns.append(pl.col("abnormal").any())
    return events.with_columns(keys).group_by("session", maintain_order=True).agg(columns)


def whole_sessions(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each session, from its rows of several chunks in their order; sorted by first line."""
    columns = [
        pl.col("order").first(),
        pl.col("keys").explode(),
        pl.col("line_offsets").explode(),
        pl.col("first_time").min(),
        pl.col("last_time").max(),
        pl.col("times").explode(),
    ]
    if "abnormal" in rows.columns:
        columns.append(pl.col("abnormal").any())
    return rows.group_by("session", maintain_order=True).agg(columns).sort("order")
