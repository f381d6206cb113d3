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
from typing import IO, Any, NamedTuple, cast

from seqlab.errors import UserError

CHUNK_BYTES = 16 << 20
LONGEST_LINE = 1 << 16  # bytes; longer ones are no log lines
STDIN = "-"
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz")
LOG_ENDINGS = (".log", ".txt", ".out")  # archives hold label tables and read-me files beside their logs
_TEXT = bytes({*range(7, 14), 27, *range(32, 256)})  # other control characters stand in no text
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
    entry: zipfile.ZipInfo | tarfile.TarInfo | None = None  # of an archive
    member: str = ""  # its name there
    member_bytes: int = 0

    @property
    def name(self) -> str:
        return self.path if self.entry is None else f"{self.path}:{self.member}"

    @property
    def is_gzip(self) -> bool:
        """Whether the file is one text packed by gzip; a tar.gz is not."""
        return self.entry is None and self.path.lower().endswith(".gz")

    @property
    def plain_bytes(self) -> int | None:
        """Bytes of the text; None where they are not known before reading."""
        if self.entry is not None:
            return self.member_bytes
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
        try:
            members = _members(path)
        except BROKEN as error:
            raise UserError(f"{path}: cannot be read as an archive: {error}") from None
        if not members:
            raise UserError(f"{path}: no file in it ends in {', '.join(LOG_ENDINGS)}")
        found += members
    return found


def refuse_binary(path: str, reader: str = "seqlab parse -") -> None:
    """Raise UserError for a plain or gzip file that begins with no text.

    Args:
        reader: the command that takes a log from standard input.
    """
    try:
        with (gzip.open if path.lower().endswith(".gz") else open)(path, "rb") as file:
            head = file.read(512)
    except BROKEN as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    if head.lstrip(b"\x00").translate(None, _TEXT):  # a crash may leave zeros before the text
        raise UserError(
            f"{path} holds no lines of text. Packed logs are known by their names (.gz; seqlab parse also "
            f"reads .zip, .tar, .tar.gz): unpack others, or pipe them: ... | {reader}. Text must be UTF-8"
        )


def _members(path: str) -> list[Source]:
    name = path.lower()
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            members = [Source(path, entry, entry.filename, entry.file_size) for entry in archive.infolist()]
    elif name.endswith(TAR_ENDINGS):
        with tarfile.open(path) as packed:
            members = [Source(path, entry, entry.name, entry.size) for entry in packed if entry.isfile()]
    else:
        if Path(path).is_file():  # a pipe is not touched
            refuse_binary(path)
        return [Source(path)]
    return [member for member in members if _is_log(member.member)]


def _is_log(name: str) -> bool:
    name = name.lower()
    return name.endswith(LOG_ENDINGS) and "readme" not in name and not Path(name).name.startswith(".")


def read_chunks(sources: Sequence[Source], chunk_bytes: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """All lines, in order, in chunks.

    Raises:
        UserError: a log that cannot be read to its end, by name and byte.
    """
    with ExitStack() as archives:
        opener = _Opener(archives)
        for number, source in enumerate(sources):
            end = 0
            with ExitStack() as stack:
                try:
                    for chunk in _chunks(opener.open(source, stack), number, chunk_bytes):
                        end = chunk.end
                        yield chunk
                except BROKEN as error:
                    raise UserError(
                        f"{source.name}: broken after byte {end:,} of its text: {error}"
                    ) from None


class _Opener:
    """Opens one log after the other; an archive stays open for all of its members."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._path = ""
        self._archive: Any = None

    def open(self, source: Source, stack: ExitStack) -> IO[bytes]:
        """The bytes of a log, unpacked; closed with ``stack``."""
        if source.path == STDIN:
            return sys.stdin.buffer
        if source.entry is None:
            if source.is_gzip:
                return cast(IO[bytes], stack.enter_context(gzip.open(source.path)))
            return stack.enter_context(Path(source.path).open("rb"))
        is_zip = source.path.lower().endswith(".zip")
        if self._path != source.path:
            self._path = source.path
            self._archive = self._stack.enter_context(
                (zipfile.ZipFile if is_zip else tarfile.open)(source.path)
            )
        member = self._archive.open(source.entry) if is_zip else self._archive.extractfile(source.entry)
        return stack.enter_context(member)


def _chunks(file: IO[bytes], number: int, chunk_bytes: int) -> Iterator[Chunk]:
    rest = b""
    cutting = False  # inside a line too long to keep
    place = 0  # of rest's first byte
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
