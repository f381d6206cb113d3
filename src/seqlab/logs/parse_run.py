"""A whole parse: logs in, sessions.parquet, templates.csv and parse.json out.

Chunks are taken apart side by side; their templates are named one chunk after the other, as Drain needs it;
then the chunks' sessions are grouped side by side, and joined at the end.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.errors import UserError
from seqlab.logs.chunk_sessions import MappedChunk, group_events, map_chunk
from seqlab.logs.counting import ENOUGH_LINES, Labels, ParseCounts, Parsed, check_lines
from seqlab.logs.drain import Drain
from seqlab.logs.engines import Engine
from seqlab.logs.known_templates import PARAMETERS, SESSIONS, read_known_templates
from seqlab.logs.line_parser import PARSER_FORMAT
from seqlab.logs.line_reader import LineReader
from seqlab.logs.output import ROWS_AT_ONCE, check_output, write_output, write_sessions
from seqlab.logs.parts import Parts, parts_beside
from seqlab.logs.reading import Chunk, Source, find_sources, read_chunks
from seqlab.logs.settings import ParseSettings
from seqlab.logs.template_ids import FixedIds, KnownFirstIds, LearnedIds

BUCKET_BYTES = 4 << 30  # of text whose sessions are joined at once
PACKED_FACTOR = 20  # text is about so many times as large as its gzip
UNKNOWN_SIZE_BUCKETS = 64  # of standard input
JOINED_AT_ONCE = 2

Report = Callable[[int, int], None]


def parse(
    settings: ParseSettings,
    engine: Engine,
    *,
    read_labels: Callable[[Path], Labels] | None = None,
    report: Report = lambda lines, position: None,
) -> Parsed:
    """Parse all logs.

    Args:
        read_labels: reads ``settings.labels``; needed where there are some.
        report: called with the lines and the bytes so far.

    Raises:
        UserError: a log that cannot be read, labels or templates of another log, an output that cannot be
            written. Then the output is as it was.
    """
    sources = find_sources(settings.logs)
    try:
        with parts_beside(settings.output) as parts, ThreadPoolExecutor(1) as beside:
            check_output(settings)
            parts.buckets = _buckets(sources)
            labels: Future[Labels | None] = beside.submit(_labels, settings.labels, read_labels)
            return _Run(settings, sources, parts, engine, labels).run(report)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(
            f"{settings.output}: the parse cannot go on: {error}; nothing is kept of it"
        ) from None


def _labels(path: Path | None, read: Callable[[Path], Labels] | None) -> Labels | None:
    if path is None:
        return None
    if read is None:
        raise ValueError(f"labels={path}: give read_labels too")
    return read(path)


def _buckets(sources: Sequence[Source]) -> int:
    size = 0
    for source in sources:
        known = source.plain_bytes
        if known is None and not source.is_gzip:
            return UNKNOWN_SIZE_BUCKETS
        size += Path(source.path).stat().st_size * PACKED_FACTOR if known is None else known
    return max(1, -(-size // BUCKET_BYTES))


class _Named(NamedTuple):
    """A chunk whose templates are named."""

    events: pl.DataFrame  # see MappedChunk
    parameters: pl.DataFrame | None
    ids: NDArray[np.int32]  # (M,) template of each message


class _Run:
    def __init__(
        self,
        settings: ParseSettings,
        sources: Sequence[Source],
        parts: Parts,
        engine: Engine,
        labels: Future[Labels | None],
    ) -> None:
        form = settings.log_format
        self.settings = settings
        self.sources = sources
        self.parts = parts
        self.engine = engine
        self.labels = labels  # read while the log is
        self.counts = ParseCounts()
        self.bases = [0]  # bytes of all logs before each
        self.writing: deque[Future[Any]] = deque()  # into the folder of parts, by workers
        self.known: tuple[list[dict[str, Any]], list[int]] = ([], [])
        if settings.templates is not None:
            self.known = read_known_templates(settings.templates, form)
        known = FixedIds(*self.known)
        drain = Drain(form.similarity, form.depth, counts_masks=form.counts_masks)
        self.learned = LearnedIds(drain, max(known.templates(), default=0))
        self.ids = KnownFirstIds(known, self.learned)

    def run(self, report: Report) -> Parsed:
        begin = time.perf_counter()
        try:
            self._read(report)
            return self._finish(begin)
        except BaseException:
            wait(self.writing)  # nothing may be written once the folder is removed
            raise

    def _write_until(self, left: int) -> None:
        """Wait until no more than ``left`` writes are under way, the oldest first."""
        while len(self.writing) > left:
            self.writing[0].result()  # still listed where Ctrl-C ends the wait
            self.writing.popleft()

    def _read(self, report: Report) -> None:
        """Read, take apart and group all lines; the workers write parts of sessions."""
        named: list[_Named] = []
        size = number = 0
        for chunk, mapped in self._mapped():
            ids = self.ids.assign(mapped.distinct, mapped.code)
            self.counts.add(mapped, ids, self.sources[chunk.file].name)
            if self.counts.lines >= ENOUGH_LINES:
                check_lines(self.settings, self.counts)
            if self.labels.done():
                self.labels.result()  # what is wrong with them is said before the log was read
            named.append(_Named(mapped.events, mapped.parameters, ids))
            size += len(chunk.content)
            if size >= self.settings.chunk_bytes // 2:  # archives hold many small logs
                self.writing.append(self.engine.submit(_group_and_write, named, number, self.parts))
                named, size, number = [], 0, number + 1
            self._write_until(self.engine.workers + 1)
            report(self.counts.lines, self.bases[chunk.file] + chunk.end)
        check_lines(self.settings, self.counts)
        self.writing.append(self.engine.submit(_group_and_write, named, number, self.parts))
        self._write_until(0)

    def _mapped(self) -> Iterator[tuple[Chunk, MappedChunk]]:
        """The chunks taken apart, in order; as many at once as there are workers."""
        settings = self.settings
        reader = LineReader(settings.log_format, settings.windows, keep_values=settings.parameters)
        waiting: deque[tuple[Chunk, Future[MappedChunk]]] = deque()
        end = 0
        for chunk in read_chunks(self.sources, settings.chunk_bytes):
            while len(self.bases) <= chunk.file:  # the log before has ended
                self.bases.append(self.bases[-1] + end)
                end = 0
            end = chunk.end
            waiting.append((chunk, self.engine.submit(map_chunk, chunk, reader, self.bases[chunk.file])))
            if len(waiting) > self.engine.workers:
                first, mapped = waiting.popleft()
                yield first, mapped.result()
        for first, mapped in waiting:
            yield first, mapped.result()

    def _finish(self, begin: float) -> Parsed:
        made, parts = self.parts.folder, self.parts
        if parts.buckets == 1:
            rows = parts.sessions(0)
            assert rows is not None  # else the lines were refused
            buckets = [rows.lazy()]
        else:
            for bucket in range(parts.buckets):
                self._write_until(JOINED_AT_ONCE - 1)
                self.writing.append(self.engine.submit(parts.join, bucket))
            self._write_until(0)
            buckets = parts.joined()
        found = write_sessions(buckets, self.labels.result(), made / SESSIONS)
        count = sum(found.values())
        if self.settings.labels is not None and found.get("unknown") == count:
            raise UserError(
                f"{self.settings.labels}: labels none of the {count:,} sessions; is it the file of this log?"
            )
        if self.settings.parameters:
            parameters = parts.parameters()
            parameters.sink_parquet(made / PARAMETERS, compression_level=1, row_group_size=ROWS_AT_ONCE)
        templates, seconds = self.ids.templates(), time.perf_counter() - begin
        parsed = Parsed(self.counts, count, templates, found, self.learned.fed, seconds)
        write_output(self.settings, parsed, self._parser(), made, self._logs())
        return parsed

    def _parser(self) -> dict[str, Any]:
        """What reads other logs the same way: see LineParser."""
        drains, first_ids = self.known
        state = self.settings.state()
        return {
            "format_version": PARSER_FORMAT,
            "log_format": state["log_format"],
            "window": state["window"],
            "drains": [*drains, self.learned.drain.state()],
            "first_ids": [*first_ids, self.learned.first_id],
        }

    def _logs(self) -> list[dict[str, Any]]:
        """Where the offsets of each log begin."""
        lines = self.counts.source_lines
        return [
            {"log": source.name, "first_offset": base, "lines": lines.get(source.name, 0)}
            for source, base in zip(self.sources, self.bases, strict=False)
        ]


def _group_and_write(named: list[_Named], number: int, parts: Parts) -> None:
    parameters = [each.parameters for each in named if each.parameters is not None]
    if parameters:
        parts.write_parameters(pl.concat(parameters), number)
    rows = [group_events(each.events, each.ids) for each in named]
    if rows:
        parts.write(pl.concat(rows), number)
