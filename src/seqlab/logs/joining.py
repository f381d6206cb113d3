"""The parts of a parse joined to whole sessions, in the order of their first lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from seqlab.logs.chunk_sessions import in_order, join_parts
from seqlab.logs.unfinished import Unfinished

ROWS_AT_ONCE = 65_536  # sessions written at a time


def join_bucket(chunks: int, bucket: int, unfinished: Unfinished) -> int:
    """Join the parts of a bucket to whole sessions; returns how many events they have."""
    joined = joined_rows(chunks, bucket, unfinished)
    if joined is None:
        return 0
    joined.write_parquet(unfinished.joined(bucket), compression="lz4", row_group_size=ROWS_AT_ONCE)
    return num_events(joined)


def joined_rows(chunks: int, bucket: int, unfinished: Unfinished) -> pl.DataFrame | None:
    """The whole sessions of a bucket in the order of their first lines; None where it has none."""
    files = [path for chunk in range(chunks) if (path := unfinished.part(chunk, bucket)).exists()]
    return join_parts(pl.concat([pl.read_parquet(path) for path in files])) if files else None


def num_events(rows: pl.DataFrame) -> int:
    return int(rows["keys"].list.len().sum())


def write_sessions(rows: pl.DataFrame, target: Path) -> None:
    rows.write_parquet(target, compression_level=1, row_group_size=ROWS_AT_ONCE)


def join_parameters(chunks: int, unfinished: Unfinished, target: Path) -> None:
    """Write the parameters of all lines, in the order of lines."""
    files = [unfinished.parameters(chunk) for chunk in range(chunks)]
    pl.scan_parquet(files).sink_parquet(target, compression_level=1, row_group_size=ROWS_AT_ONCE)


def merge_buckets(
    unfinished: Unfinished, target: Path, finish: Callable[[pl.DataFrame], pl.DataFrame]
) -> int:
    """Write the sessions of all buckets in the order of their first lines; returns how many.

    Args:
        finish: what is done with rows before they are written.
    """
    files = [path for bucket in range(unfinished.buckets) if (path := unfinished.joined(bucket)).exists()]
    firsts = [
        pl.scan_parquet(file).select(pl.col("line_offsets").list.first()).collect().to_series()
        for file in files
    ]
    written = []
    begins = [0] * len(files)
    for number, cut in enumerate(_cuts(firsts)):
        ends = [len(first) if cut is None else int(first.search_sorted(cut)) for first in firsts]
        rows = pl.concat(
            [
                pl.scan_parquet(file).slice(begin, end - begin).collect()
                for file, begin, end in zip(files, begins, ends, strict=True)
            ]
        )
        begins = ends
        written.append(unfinished.folder / f"rows-{number:06d}.parquet")
        finish(in_order(rows)).write_parquet(written[-1], compression="lz4")
    pl.scan_parquet(written).sink_parquet(target, compression_level=1, row_group_size=ROWS_AT_ONCE)
    return sum(map(len, firsts))


def _cuts(firsts: list[pl.Series]) -> list[int | None]:
    """First lines at which rows are cut into pieces of ROWS_AT_ONCE; None is the end."""
    places = pl.concat(firsts).sort()
    return [*places.gather_every(ROWS_AT_ONCE).to_list()[1:], None]
