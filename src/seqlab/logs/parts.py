"""The parts of a parse on disk, and how they are joined to whole sessions in the order of first lines.

A part is one chunk's rows of one bucket of sessions. All rows of a session are in the same bucket, so that
only a bucket's rows are in memory at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from filelock import Timeout

from seqlab.errors import UserError
from seqlab.files import locked

FOLDER = ".unfinished"
ROWS_AT_ONCE = 65_536  # sessions written at a time


@dataclass
class Parts:
    """The folder of parts beside the output."""

    folder: Path
    buckets: int = 1

    def part(self, number: int, bucket: int) -> Path:
        return self.folder / f"part-{number:06d}-{bucket:04d}.parquet"

    def parameters(self, number: int) -> Path:
        return self.folder / f"parameters-{number:06d}.parquet"

    def joined(self, bucket: int) -> Path:
        return self.folder / f"joined-{bucket:04d}.parquet"

    def write(self, rows: pl.DataFrame, number: int) -> None:
        """Write rows of sessions, one file for each bucket that has some."""
        if self.buckets == 1:
            rows.write_parquet(self.part(number, 0), compression="lz4")
            return
        bucket = (rows["session"].hash(0) % self.buckets).cast(pl.UInt32).alias("bucket")
        for (name,), part in rows.group_by(bucket, maintain_order=True):
            path = self.part(number, int(str(name)))
            part.drop("bucket", strict=False).write_parquet(path, compression="lz4")


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


def join_bucket(numbers: int, bucket: int, parts: Parts) -> None:
    """Join the parts of a bucket to whole sessions on disk."""
    rows = joined_rows(numbers, bucket, parts)
    if rows is not None:
        rows.write_parquet(parts.joined(bucket), compression="lz4", row_group_size=ROWS_AT_ONCE)


def joined_rows(numbers: int, bucket: int, parts: Parts) -> pl.DataFrame | None:
    """The whole sessions of a bucket, by their first lines; None where it has none."""
    files = [path for number in range(numbers) if (path := parts.part(number, bucket)).exists()]
    return _whole_sessions(pl.concat([pl.read_parquet(path) for path in files])) if files else None


def _whole_sessions(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each session, from its rows of several chunks in their order; sorted by first line."""
    columns = [
        pl.col("keys").explode(),
        pl.col("line_offsets").explode(),
        pl.col("first_place").first(),
        pl.col("first_time").min(),
        pl.col("last_time").max(),
        pl.col("times").explode(),
    ]
    if "abnormal" in rows.columns:
        columns.append(pl.col("abnormal").any())
    return _in_order(rows.group_by("session", maintain_order=True).agg(columns))


def _in_order(rows: pl.DataFrame) -> pl.DataFrame:
    """Sessions by their first lines; those that one line names first, as it names them."""
    return rows.sort(pl.col("line_offsets").list.first(), "first_place")


def write_sessions(rows: pl.DataFrame, target: Path) -> int:
    """Write finished rows; returns how many."""
    rows.write_parquet(target, compression_level=1, row_group_size=ROWS_AT_ONCE)
    return len(rows)


def merge_buckets(parts: Parts, target: Path, finish: Callable[[pl.DataFrame], pl.DataFrame]) -> int:
    """Write the joined sessions of all buckets in the order of their first lines; returns how many.

    Args:
        finish: what is done with rows before they are written.
    """
    files = [path for bucket in range(parts.buckets) if (path := parts.joined(bucket)).exists()]
    firsts = [
        pl.scan_parquet(file).select(pl.col("line_offsets").list.first()).collect().to_series()
        for file in files
    ]
    cuts = pl.concat(firsts).sort().gather_every(ROWS_AT_ONCE).to_list()[1:]  # first lines of later pieces
    written = []
    begins = [0] * len(files)
    for number, cut in enumerate([*cuts, None]):
        ends = [len(first) if cut is None else int(first.search_sorted(cut)) for first in firsts]
        pieces = [
            pl.scan_parquet(file).slice(begin, end - begin).collect()
            for file, begin, end in zip(files, begins, ends, strict=True)
        ]
        begins = ends
        written.append(parts.folder / f"rows-{number:06d}.parquet")
        finish(_in_order(pl.concat(pieces))).write_parquet(written[-1], compression="lz4")
    pl.scan_parquet(written).sink_parquet(target, compression_level=1, row_group_size=ROWS_AT_ONCE)
    return sum(map(len, firsts))


def write_parameters(numbers: int, parts: Parts, target: Path) -> None:
    """Write the parameters of all lines, in the order of lines."""
    files = [path for number in range(numbers) if (path := parts.parameters(number)).exists()]
    pl.scan_parquet(files).sink_parquet(target, compression_level=1, row_group_size=ROWS_AT_ONCE)
