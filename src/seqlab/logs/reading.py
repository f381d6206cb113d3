"""Log files as chunks of whole lines: plain, gzip, zip, tar, standard input; memory is that of a chunk."""

from __future__ import annotations

import gzip
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, NamedTuple, cast

from seqlab.errors import UserError
from seqlab.logs.file_kinds import refuse_other_kinds

CHUNK_BYTES = 16 << 20
LONGEST_LINE = 1 << 16  # bytes; longer ones are no log lines
STDIN = "-"
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz")
PACKED_ENDINGS = (".gz", ".zip", *TAR_ENDINGS)
LOG_ENDINGS = (".log", ".txt", ".out")  # archives hold label tables and read-me files beside their logs
BROKEN = (
    OSError,
    EOFError,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    RuntimeError,
    NotImplementedError,
)


class Chunk(NamedTuple):
    """Whole lines of one log."""

    source: int  # which of the logs, from 0
    start: int  # byte in that log (unpacked) where the chunk begins
    end: int  # byte after the chunk's last line; beyond start + len(content) where a monstrous line was cut
    content: bytes
    cut_lines: int = 0  # lines so long that they were not kept at all


class Source(NamedTuple):
    """A log: a file, or a member of an archive."""

    path: str
    entry: zipfile.ZipInfo | tarfile.TarInfo | None = None

    @property
    def name(self) -> str:
        if self.entry is None:
            return self.path
        inner = self.entry.filename if isinstance(self.entry, zipfile.ZipInfo) else self.entry.name
        return f"{self.path}:{inner}"

    @property
    def is_gzip(self) -> bool:
        """Whether the file is one text packed by gzip; a tar.gz is not."""
        return self.entry is None and self.path.lower().endswith(".gz")

    @property
    def plain_bytes(self) -> int | None:
        """Bytes of the text; None where they are not known before reading."""
        if self.entry is not None:
            return self.entry.file_size if isinstance(self.entry, zipfile.ZipInfo) else self.entry.size
        if self.path == STDIN or self.is_gzip or not Path(self.path).is_file():
            return None
        return Path(self.path).stat().st_size


def find_sources(paths: Sequence[str]) -> list[Source]:
    """The logs of all paths, in order; archives give one for each file in them.

    Raises:
        UserError: a path that is missing, a folder, given twice, no text, or a broken archive.
    """
    seen: set[Path] = set()
    found: list[Source] = []
    for path in paths:
        if path == STDIN:
            if Source(STDIN) in found:
                raise UserError("- is given twice; standard input is read once")
            found.append(Source(STDIN))
            continue
        file = Path(path)
        if not file.exists():
            raise UserError(f"{path}: no such file; the path is relative to {Path.cwd()}")
        if file.is_dir():
            raise UserError(f"{path} is a folder: give its files, such as {path.rstrip('/')}/*.log")
        if file.resolve() in seen:
            raise UserError(f"{path} is given twice; each log is read once")
        seen.add(file.resolve())
        if file.is_file():  # a pipe is not touched
            refuse_other_kinds(path, "seqlab parse - ...", PACKED_ENDINGS)
        try:
            members = _members(path)
        except BROKEN as error:
            raise UserError(f"{path}: cannot be read as an archive: {error}") from None
        if not members:
            raise UserError(f"{path}: no file in it ends in {', '.join(LOG_ENDINGS)}")
        found += members
    return found


def _members(path: str) -> list[Source]:
    name = path.lower()  # as refuse_other_kinds looks at it
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            return [Source(path, entry) for entry in archive.infolist() if _is_log(entry.filename)]
    if name.endswith(TAR_ENDINGS):
        with tarfile.open(path) as packed:
            return [Source(path, entry) for entry in packed if entry.isfile() and _is_log(entry.name)]
    return [Source(path)]


def _is_log(name: str) -> bool:
    name = name.lower()
    return name.endswith(LOG_ENDINGS) and "readme" not in name and not Path(name).name.startswith(".")


class _Opener:
    """Opens one log after the other; an archive stays open for all of its members."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self._path = ""
        self._archive: zipfile.ZipFile | tarfile.TarFile | None = None

    def open(self, source: Source, stack: ExitStack) -> IO[bytes]:
        """The bytes of a log, unpacked; closed with ``stack``."""
        if source.path == STDIN:
            return sys.stdin.buffer
        if source.entry is None:
            if source.is_gzip:
                return cast(IO[bytes], stack.enter_context(gzip.open(source.path)))
            return stack.enter_context(Path(source.path).open("rb"))
        if self._path != source.path:
            if isinstance(source.entry, zipfile.ZipInfo):
                self._archive = self.stack.enter_context(zipfile.ZipFile(source.path))
            else:
                self._archive = self.stack.enter_context(tarfile.open(source.path))  # noqa: SIM115
            self._path = source.path
        if isinstance(self._archive, zipfile.ZipFile):
            return stack.enter_context(self._archive.open(cast(zipfile.ZipInfo, source.entry)))
        assert self._archive is not None
        member = self._archive.extractfile(cast(tarfile.TarInfo, source.entry))
        assert member is not None  # find_sources lists files alone
        return stack.enter_context(member)


def read_chunks(
    sources: Sequence[Source], first: int = 0, start: int = 0, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[Chunk]:
    """All lines, in order, in chunks.

    Args:
        first, start: the log and the byte in it to begin at: the end of a chunk before.

    Raises:
        UserError: a log that cannot be read to its end, by name and place.
    """
    with ExitStack() as archives:
        opener = _Opener(archives)
        for number in range(first, len(sources)):
            begin = start if number == first else 0
            place = begin
            with ExitStack() as stack:
                try:
                    file = opener.open(sources[number], stack)
                    _skip(file, begin)
                    for chunk in _chunks(file, number, begin, chunk_bytes):
                        place = chunk.end
                        yield chunk
                except BROKEN as error:
                    raise UserError(
                        f"{sources[number].name}: broken after byte {place:,} of its text: {error}"
                    ) from None


def _skip(file: IO[bytes], count: int) -> None:
    if count and file.seekable():
        file.seek(count)
        return
    while count:
        got = len(file.read(min(count, CHUNK_BYTES)))
        if not got:
            raise EOFError(f"shorter by {count:,} bytes than when it was read before")
        count -= got


def _chunks(file: IO[bytes], number: int, begin: int, chunk_bytes: int) -> Iterator[Chunk]:
    rest = b""
    cutting = False  # inside a line too long to keep
    place = begin  # of rest's first byte
    while True:
        block = file.read(chunk_bytes)
        if not block:
            break
        if cutting:
            newline = block.find(b"\n")
            if newline < 0:
                place += len(block)
                continue
            place += newline + 1
            block = block[newline + 1 :]
            yield Chunk(number, place, place, b"", cut_lines=1)
            cutting = False
        last = block.rfind(b"\n") + 1
        if last:
            content = b"".join((rest, memoryview(block)[:last]))
            rest = block[last:]
            yield Chunk(number, place, place + len(content), content)
            place += len(content)
        else:
            rest += block
        if len(rest) > max(chunk_bytes, LONGEST_LINE):
            place += len(rest)
            rest, cutting = b"", True
    if cutting:
        yield Chunk(number, place, place, b"", cut_lines=1)
    elif rest:
        yield Chunk(number, place, place + len(rest), rest)


def split_lines(content: bytes) -> tuple[list[bytes], list[int]]:
    """The lines of a chunk without their ends, and the byte in it where each begins."""
    lines = content.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    starts, place = [], 0
    for line in lines:
        starts.append(place)
        place += len(line) + 1
    return [line.removesuffix(b"\r") for line in lines], starts
