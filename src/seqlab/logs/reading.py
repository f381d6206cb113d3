"""Logs as chunks of whole lines: plain, gzip, zip, tar, standard input; memory is that of a chunk."""

from __future__ import annotations

import gzip
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from seqlab.errors import UserError

CHUNK_BYTES = 16 << 20
LONGEST_LINE = 1 << 16  # bytes; longer ones are no log lines
SHOWN_BYTES = 200  # of a line that cannot be used
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
    """Whole lines of one file."""

    file: int  # which of the logs, or which of the files of a log that is followed; from 0
    offset: int  # byte in that file (unpacked) where ``content`` begins
    first_number: int  # of the first line; a file's first is 1
    content: bytes  # every line with its end; the last of a file may lack it
    cut: tuple[int, bytes] | None = None  # byte and beginning of a line before these, too long to be kept

    @property
    def end(self) -> int:
        """Byte after the last line."""
        return self.offset + len(self.content)


class LineCutter:
    """Cuts the bytes of one file into chunks of whole lines; the unfinished last line waits.

    A line of more than LONGEST_LINE bytes is dropped as it comes, so memory holds one chunk whatever a file
    without newlines may send.

    Args:
        file: number of the file.
        offset: byte where the first line begins.
        number: of that line.
    """

    def __init__(self, file: int, offset: int = 0, number: int = 1) -> None:
        self.file = file
        self.offset = offset  # of the unfinished line
        self.number = number  # of the unfinished line
        self.rest = b""  # of it; its beginning where it is dropped
        self._dropped = 0  # bytes of the unfinished line, where it is dropped

    @property
    def position(self) -> int:
        """Byte after all that was put in."""
        return self.offset + self.unfinished_bytes

    @property
    def unfinished_bytes(self) -> int:
        """Bytes of the last line, which no newline ended yet."""
        return self._dropped or len(self.rest)

    def put(self, block: bytes) -> Chunk | None:
        """The whole lines that the block ends; None where it ends none."""
        cut = None
        if self._dropped:
            newline = block.find(b"\n")
            if newline < 0:
                self._dropped += len(block)
                return None
            cut = self._cut(newline + 1)
            block = block[newline + 1 :]
        last = block.rfind(b"\n") + 1
        content = b"".join((self.rest, memoryview(block)[:last])) if last else b""
        self.rest = block[last:] if last else self.rest + block
        chunk = self._chunk(content, content.count(b"\n"), cut)
        if len(self.rest) > LONGEST_LINE:
            self._dropped, self.rest = len(self.rest), self.rest[:SHOWN_BYTES]
        return chunk

    def finish(self) -> Chunk | None:
        """The last line, where no newline ends it."""
        cut = self._cut(0) if self._dropped else None
        content, self.rest = self.rest, b""
        return self._chunk(content, 1, cut)

    def _cut(self, end: int) -> tuple[int, bytes]:
        """Leave out a dropped line, whose last bytes are ``end`` more."""
        cut = (self.offset, self.rest)
        self.offset += self._dropped + end
        self.number += 1
        self.rest, self._dropped = b"", 0
        return cut

    def _chunk(self, content: bytes, lines: int, cut: tuple[int, bytes] | None) -> Chunk | None:
        if not content and cut is None:
            return None
        chunk = Chunk(self.file, self.offset, self.number, content, cut)
        self.offset = chunk.end
        self.number += lines if content else 0
        return chunk


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
        UserError: a log that cannot be read to its end, by name and byte; what comes before was given.
    """
    archives: dict[str, Any] = {}
    try:
        for number, source in enumerate(sources):
            cutter = LineCutter(number)
            with ExitStack() as files:
                try:
                    for block in _blocks(_open(source, files, archives), chunk_bytes):
                        if (chunk := cutter.put(block)) is not None:
                            yield chunk
                except BROKEN as error:
                    raise UserError(
                        f"{source.name}: broken after byte {cutter.position:,} of its text: {error}"
                    ) from None
            if (chunk := cutter.finish()) is not None:
                yield chunk
    finally:
        for archive in archives.values():
            archive.close()


def _blocks(file: Any, size: int) -> Iterator[bytes]:
    """Blocks of ``size`` bytes, a smaller one at the end or before what cannot be read."""
    left = 0
    while not left:
        parts: list[bytes] = []
        left = size
        error: BaseException | None = None
        try:
            while left and (part := file.read1(left)):  # read() would lose what precedes an error
                parts.append(part)
                left -= len(part)
        except BROKEN as found:
            error = found
        if parts:
            yield b"".join(parts)
        if error is not None:
            raise error


def _open(source: Source, files: ExitStack, archives: dict[str, Any]) -> Any:
    """The bytes of a log, unpacked; closed with ``files``, but an archive stays open for its members."""
    if source.path == STDIN:
        return sys.stdin.buffer
    if source.entry is None:
        return files.enter_context((gzip.open if source.is_gzip else open)(source.path, "rb"))
    is_zip = source.path.lower().endswith(".zip")
    if source.path not in archives:
        archives[source.path] = (zipfile.ZipFile if is_zip else tarfile.open)(source.path)
    archive = archives[source.path]
    return files.enter_context(archive.open(source.entry) if is_zip else archive.extractfile(source.entry))
