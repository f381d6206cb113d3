"""The parts of a parse on disk, and how they are joined to whole sessions in the order of first lines.

A part is one chunk's rows of one bucket of sessions. All rows of a session are in the same bucket, so that
only a bucket's rows are in memory at once.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from filelock import Timeout

from seqlab.errors import UserError
from seqlab.files import locked
from seqlab.logs.chunk_sessions import whole_sessions

FOLDER = ".unfinished"
PART = "part-{number:06d}-{bucket:04d}.parquet"


@dataclass
class Parts:
    """The folder of parts beside the output."""

    folder: Path
    buckets: int = 1

    def write(self, rows: pl.DataFrame, number: int) -> None:
        """Write rows of sessions, one file for each bucket that has some."""
        bucket = (rows["session"].hash(0) % self.buckets).cast(pl.UInt32).alias("bucket")
        groups = rows.group_by(bucket, maintain_order=True) if self.buckets > 1 else [((0,), rows)]
        for (name,), part in groups:
            path = self.folder / PART.format(number=number, bucket=int(str(name)))
            part.drop("bucket", strict=False).write_parquet(path, compression="lz4")

    def write_parameters(self, rows: pl.DataFrame, number: int) -> None:
        rows.write_parquet(self.folder / f"parameters-{number:06d}.parquet", compression="lz4")

    def parameters(self) -> pl.LazyFrame:
        """The parameters of all lines, in the order of lines."""
        return pl.scan_parquet(sorted(self.folder.glob("parameters-*")))

    def sessions(self, bucket: int) -> pl.DataFrame | None:
        """The whole sessions of a bucket, by their first lines; None where it has none."""
        files = sorted(self.folder.glob(f"part-*-{bucket:04d}.parquet"))
        return whole_sessions(pl.concat(map(pl.read_parquet, files))) if files else None

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
