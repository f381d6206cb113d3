"""A parse that is not finished: its whole chunks on disk, so that it can go on after any end."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from seqlab.errors import UserError
from seqlab.logs.chunk_sessions import in_order, join_parts

FOLDER, PROGRESS = ".unfinished", "progress.json"
ROWS_AT_ONCE = 65_536  # sessions written at a time


class Unfinished:
    """The folder of parts beside the output; ``progress.json`` says which of them count.

    A part is one chunk's rows of one bucket of sessions. Buckets bound what is joined at once: all rows of a
    session are in the same bucket.
    """

    def __init__(self, output: Path, buckets: int) -> None:
        self.folder = output / FOLDER
        self.buckets = buckets

    def begin(self) -> None:
        """An empty folder; what an earlier parse left in it is removed."""
        self.remove()
        self.folder.mkdir(parents=True)

    def progress(self) -> dict[str, Any] | None:
        """What was written by the last ``commit``; None before one."""
        try:
            return json.loads((self.folder / PROGRESS).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise UserError(
                f"{self.folder / PROGRESS} is broken ({error}): parse again without --resume"
            ) from None

    def commit(self, progress: dict[str, Any]) -> None:
        """From here on a resumed parse starts after what ``progress`` says."""
        write_json(self.folder / PROGRESS, progress)

    def part(self, chunk: int, bucket: int) -> Path:
        return self.folder / f"part-{chunk:06d}-{bucket:04d}.parquet"

    def joined(self, bucket: int) -> Path:
        return self.folder / f"joined-{bucket:04d}.parquet"

    def remove(self) -> None:
        """Take all away, and first what says that the parts count."""
        (self.folder / PROGRESS).unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def is_resumable(output: Path) -> bool:
    """Whether a parse that was ended left chunks to go on after."""
    return (output / FOLDER / PROGRESS).exists()


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all."""
    part = path.with_name(f".part-{path.name}")
    with part.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def write_parts(rows: pl.DataFrame, chunk: int, unfinished: Unfinished) -> None:
    """Write a chunk's rows, one file for each bucket that has some."""
    if unfinished.buckets == 1:
        _write(rows, unfinished.part(chunk, 0))
        return
    bucket = (rows["session"].hash(0) % unfinished.buckets).cast(pl.UInt32)
    for (number,), part in rows.group_by(bucket.alias("bucket"), maintain_order=True):
        _write(part.drop("bucket", strict=False), unfinished.part(chunk, int(str(number))))


def _write(rows: pl.DataFrame, path: Path) -> None:
    rows.write_parquet(path, compression="lz4")
    sync(path)


def sync(path: Path) -> None:
    """Wait until a file or a folder is on the disk, not only on its way."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def join_bucket(chunks: int, bucket: int, unfinished: Unfinished) -> int:
    """Join the parts of a bucket to whole sessions; returns how many events they have."""
    files = [path for chunk in range(chunks) if (path := unfinished.part(chunk, bucket)).exists()]
    if not files:
        return 0
    joined = join_parts(pl.concat([pl.read_parquet(path) for path in files]))
    joined.write_parquet(unfinished.joined(bucket), compression="lz4", row_group_size=ROWS_AT_ONCE)
    return int(joined["keys"].list.len().sum())


def merge_buckets(
    unfinished: Unfinished, target: Path, finish: Callable[[pl.DataFrame], pl.DataFrame]
) -> int:
    """Write the sessions of all buckets in the order of their first lines; returns how many.

    Args:
        finish: what is done with rows before they are written.
    """
    files = [path for bucket in range(unfinished.buckets) if (path := unfinished.joined(bucket)).exists()]
    if len(files) == 1:  # in order already
        rows = finish(pl.read_parquet(files[0]))
        rows.write_parquet(target, row_group_size=ROWS_AT_ONCE)
        return len(rows)
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
    pl.scan_parquet(written).sink_parquet(target, row_group_size=ROWS_AT_ONCE)
    return sum(map(len, firsts))


def _cuts(firsts: list[pl.Series]) -> list[int | None]:
    """First lines at which rows are cut into pieces of ROWS_AT_ONCE; None is the end."""
    places = pl.concat(firsts).sort()
    return [*places.gather_every(ROWS_AT_ONCE).to_list()[1:], None]
