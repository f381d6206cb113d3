"""The sessions of each chunk of a log, their parts on disk, and how these are joined to whole sessions.

A part is one chunk's rows of one bucket of sessions. All rows of a session are in the same bucket, so that
only a bucket's rows are in memory at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from filelock import Timeout
from numpy.typing import NDArray

from seqlab.errors import UserError
from seqlab.files import locked
from seqlab.logs.line_reader import LineReader
from seqlab.logs.reading import SHOWN_BYTES, Chunk, Lines, Skipped

FOLDER = ".unfinished"
_MOST_SESSIONS = 1 << 16  # of a line: it has no more letters


class MappedChunk(NamedTuple):
    """A chunk taken apart, its templates not yet known. M messages, E events, U distinct messages."""

    num_lines: int
    distinct: list[str]  # (U,) masked messages
    examples: list[str]  # (U,) the first line of each
    code: NDArray[np.integer]  # (M,)
    # (E,) message, session, times, line_offsets, order of sessions; with labels abnormal
    events: pl.DataFrame
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
        "times": found.time.gather(message),
        "line_offsets": offsets[message],
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
    time = pl.col("times")
    return _by_session(events.with_columns(keys, time.alias("first_time"), time.alias("last_time")))


def _by_session(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each session, of events or of rows of several chunks in their order."""
    gathered = ["keys", "line_offsets", "times"]
    columns = [
        pl.col("order").first(),
        pl.col(gathered).explode() if rows.schema["keys"] == pl.List else pl.col(gathered),
        pl.col("first_time").min(),
        pl.col("last_time").max(),
    ]
    if "abnormal" in rows.columns:
        columns.append(pl.col("abnormal").any())
    return rows.group_by("session", maintain_order=True).agg(columns)


Named = tuple[pl.DataFrame, NDArray[np.int32], pl.DataFrame | None]  # of a chunk: events, ids, parameters


@dataclass
class Parts:
    """The folder of parts beside the output."""

    folder: Path
    buckets: int = 1

    def group_and_write(self, named: Sequence[Named], number: int) -> None:
        """Write the sessions of some chunks, one file for each bucket that has some, and their parameters."""
        if not named:
            return
        if parameters := [each for _, _, each in named if each is not None]:
            path = self.folder / f"parameters-{number:06d}.parquet"
            pl.concat(parameters).write_parquet(path, compression="lz4")
        rows = pl.concat([group_events(events, ids) for events, ids, _ in named])
        bucket = (rows["session"].hash(0) % self.buckets).cast(pl.UInt32).alias("bucket")
        groups = rows.group_by(bucket, maintain_order=True) if self.buckets > 1 else [((0,), rows)]
        for (name,), part in groups:
            path = self.folder / f"part-{number:06d}-{int(str(name)):04d}.parquet"
            part.drop("bucket", strict=False).write_parquet(path, compression="lz4")

    def sessions(self, bucket: int) -> pl.DataFrame | None:
        """The whole sessions of a bucket, by their first lines; None where it has none."""
        files = sorted(self.folder.glob(f"part-*-{bucket:04d}.parquet"))
        return _by_session(pl.concat(map(pl.read_parquet, files))).sort("order") if files else None

    def join(self, bucket: int) -> None:
        """Write the whole sessions of a bucket to one file."""
        rows = self.sessions(bucket)
        if rows is not None:
            rows.write_parquet(self.folder / f"joined-{bucket:04d}.parquet", compression="lz4")

    def joined(self) -> list[pl.LazyFrame]:
        """The whole sessions of all buckets that ``join`` wrote."""
        return [pl.scan_parquet(path) for path in sorted(self.folder.glob("joined-*"))]


@contextmanager
def parts_beside(output: Path) -> Iterator[Parts]:
    """An empty folder of parts in ``output``, which no other process has; removed at the end.

    Raises:
        UserError: another process parses into ``output``, or nothing can be written there.
    """
    if output.exists() and not output.is_dir():
        raise UserError(f"--output {output} is a file: give a folder")
    folder = output / FOLDER
    with ExitStack() as stack:
        for made in reversed([each for each in (output, *output.parents) if not each.exists()]):
            stack.callback(_remove_empty, made)
        try:
            output.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(output / f"{FOLDER}.lock"))
            shutil.rmtree(folder, ignore_errors=True)  # of a parse that was killed
            folder.mkdir()
        except Timeout:
            raise UserError(
                f"{output}: another seqlab parse is writing there; wait for it, or give another --output"
            ) from None
        except OSError as error:
            raise UserError(f"--output {output}: cannot be written: {error.strerror}") from None
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield Parts(folder.resolve())


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
