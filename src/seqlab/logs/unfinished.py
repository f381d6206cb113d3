"""A parse that is not finished: its whole chunks on disk, so that it can go on after any end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl

from seqlab.errors import UserError
from seqlab.whole_files import sync, whole_file

FOLDER, PROGRESS = ".unfinished", "progress.json"


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
    with whole_file(path, on_disk=True) as part, part.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False)


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
