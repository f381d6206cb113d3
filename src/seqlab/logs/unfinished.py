"""A parse that is not finished: its whole chunks on disk, so that it can go on after any end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl
from filelock import Timeout

from seqlab.errors import UserError
from seqlab.files import locked, sync, whole_file
from seqlab.logs.reading import STDIN

FOLDER, PROGRESS = ".unfinished", "progress.json"


class Unfinished:
    """The folder of parts beside the output; ``progress.json`` says which of them count.

    A part is one chunk's rows of one bucket of sessions. Buckets bound what is joined at once: all rows of a
    session are in the same bucket.

    Attributes:
        begun: whether this process writes there, and so may remove what it holds.
    """

    def __init__(self, output: Path, buckets: int = 1) -> None:
        self.folder = output / FOLDER
        self.buckets = buckets
        self.begun = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from parsing into the same output; a killed one keeps nobody out.

        Raises:
            UserError: another process does, or nothing can be written there.
        """
        output, lock = self.folder.parent, ExitStack()
        try:
            lock.enter_context(locked(self.folder.with_suffix(".lock")))
            self.folder.mkdir(exist_ok=True)
        except Timeout:
            raise UserError(
                f"{output}: another seqlab parse is writing there; wait for it, or give another --output"
            ) from None
        except OSError as error:
            raise UserError(f"--output {output}: cannot be written: {error.strerror}") from None
        try:
            yield
        finally:
            with suppress(OSError):  # gone, or chunks are in it
                self.folder.rmdir()
            lock.close()

    def begin(self) -> None:
        """An empty folder; what an earlier parse left in it is removed."""
        self.begun = True
        self.folder.mkdir(parents=True, exist_ok=True)
        self._empty()

    def progress(self) -> dict[str, Any] | None:
        """What was written by the last ``commit``; None before one.

        Raises:
            UserError: it cannot be read.
        """
        try:
            return json.loads((self.folder / PROGRESS).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise UserError(f"{self.folder / PROGRESS}: cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise UserError(
                f"{self.folder / PROGRESS} is broken ({error}): parse again without --resume"
            ) from None

    def commit(self, progress: dict[str, Any]) -> None:
        """From here on a resumed parse starts after what ``progress`` says."""
        write_json(self.folder / PROGRESS, progress)

    def part(self, chunk: int, bucket: int) -> Path:
        return self.folder / f"part-{chunk:06d}-{bucket:04d}.parquet"

    def parameters(self, chunk: int) -> Path:
        return self.folder / f"parameters-{chunk:06d}.parquet"

    def joined(self, bucket: int) -> Path:
        return self.folder / f"joined-{bucket:04d}.parquet"

    def remove(self) -> None:
        """Take all away, and first what says that the parts count."""
        with suppress(OSError):  # somebody else has put something there
            self._empty()
            self.folder.rmdir()

    def _empty(self) -> None:
        (self.folder / PROGRESS).unlink(missing_ok=True)
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def is_resumable(output: Path) -> bool:
    """Whether a parse that was ended left chunks to go on after; standard input cannot be read again."""
    try:
        progress = Unfinished(output).progress()
    except UserError:
        return False
    return progress is not None and STDIN not in progress["settings"]["logs"]


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


def write_parameters(rows: pl.DataFrame, chunk: int, unfinished: Unfinished) -> None:
    """Write what the variable parts of a chunk's lines were."""
    _write(rows, unfinished.parameters(chunk))


def _write(rows: pl.DataFrame, path: Path) -> None:
    rows.write_parquet(path, compression="lz4")
    sync(path)
