"""A whole parse: logs in, sessions.parquet, templates.csv and parse.json out.

Chunks are taken apart side by side; their templates are named one chunk after the other, as Drain needs it;
then the chunks' sessions are grouped side by side, and joined at the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.data.parameters import PARAMETERS
from seqlab.errors import UserError
from seqlab.logs.chunk_sessions import MappedChunk, group_events, map_chunk
from seqlab.logs.counting import ParseCounts
from seqlab.logs.drain_state import drain_from_state, drain_state, new_drain
from seqlab.logs.engines import Engine, Promise
from seqlab.logs.first_look import FirstLook
from seqlab.logs.joining import (
    join_bucket,
    join_parameters,
    joined_rows,
    merge_buckets,
    num_events,
    write_sessions,
)
from seqlab.logs.known_templates import read_known_templates
from seqlab.logs.line_parser import PARSER_FORMAT
from seqlab.logs.lines import LineReader
from seqlab.logs.output import SESSIONS, check_labels, finish_rows, write_output
from seqlab.logs.parse_settings import ParseSettings, check_unchanged, identity
from seqlab.logs.reading import STDIN, Chunk, Source, find_sources, read_chunks
from seqlab.logs.template_ids import FixedIds, KnownFirstIds, LearnedIds
from seqlab.logs.unfinished import Unfinished, write_parameters, write_parts

BUCKET_BYTES = 4 << 30  # of text whose sessions are joined at once
PACKED_FACTOR = 20  # text is about so many times as large as its gzip
UNKNOWN_SIZE_BUCKETS = 64  # of standard input
JOINED_AT_ONCE = 2


class Parsed(NamedTuple):
    """What a parse found."""

    counts: ParseCounts
    num_sessions: int
    templates: dict[int, list[str]]
    labels: dict[str, int]  # sessions by label: Normal, Anomaly, unknown
    fed: int  # messages that Drain itself saw


@dataclass
class _Place:
    """How far a parse has come: what of it is on disk."""

    source: int = 0
    byte: int = 0
    chunks: int = 0
    bases: list[int] = field(default_factory=lambda: [0])  # bytes of all logs before each


class _Part(NamedTuple):
    events: pl.DataFrame  # see MappedChunk
    parameters: pl.DataFrame | None
    ids: NDArray[np.int32]  # (M,) template of each message


@dataclass
class _Held:
    """Chunks whose templates are named, until there is enough to write: archives hold many small logs."""

    parts: list[_Part] = field(default_factory=list)
    size: int = 0  # bytes of text


class _Waiting(NamedTuple):
    chunk: Chunk
    mapped: Promise


class _Writing(NamedTuple):
    written: Promise
    progress: dict[str, Any]
    lines: int
    end: int


def parse(
    settings: ParseSettings,
    engine: Engine,
    *,
    sources: Sequence[Source] | None = None,
    unfinished: Unfinished | None = None,
    resume: bool = False,
    report: Callable[[int, int], None] = lambda lines, position: None,
) -> Parsed:
    """Parse all logs.

    Args:
        sources: of ``settings.logs``, where they were found already: an archive is read through for it.
        unfinished: of ``settings.output``, held by who calls.
        resume: go on after the last whole chunk of a parse that was ended.
        report: called with the lines and the bytes that are on disk so far; of a parse that goes on also
            at once, with those of before.

    Raises:
        UserError: a log that cannot be read, settings that changed since the parse that is resumed, labels of
            another log.
    """
    sources = sources or find_sources(settings.logs)
    unfinished = unfinished or Unfinished(settings.output.resolve())
    return _Run(settings, sources, unfinished, engine, report).run(resume)


class _Run:
    def __init__(
        self,
        settings: ParseSettings,
        sources: Sequence[Source],
        unfinished: Unfinished,
        engine: Engine,
        report: Callable[[int, int], None],
    ) -> None:
        self.settings = settings
        self.engine = engine
        self.report = report
        self.sources = sources
        self.identities = [identity(source) for source in self.sources]
        self.first_look = FirstLook(settings)
        self.held = _Held()
        self.reader = LineReader(settings.log_format, keep_values=settings.parameters)
        self.unfinished = unfinished
        self.unfinished.buckets = self._buckets()
        self.counts = ParseCounts()
        self.place = _Place()
        self.known: FixedIds | None = None
        self.known_state: tuple[list[dict[str, Any]], list[int]] = ([], [])
        form = settings.log_format
        self.learned = LearnedIds(new_drain(form.similarity, form.depth, counts_masks=form.counts_masks))
        self._labels: Future[dict[str, int] | None] = Future()
        self._drain_state: dict[str, Any] | None = None
        self._fed_at_state = -1

    def _buckets(self) -> int:
        size = 0
        for source in self.sources:
            known = source.plain_bytes
            if known is None and not source.is_gzip:
                return UNKNOWN_SIZE_BUCKETS
            size += Path(source.path).stat().st_size * PACKED_FACTOR if known is None else known
        return max(1, -(-size // BUCKET_BYTES))

    def run(self, resume: bool) -> Parsed:
        with ThreadPoolExecutor(1) as beside:  # the labels are read while the log is
            self._labels = beside.submit(check_labels, self.settings.labels)
            self._begin(resume)
            self._read()
        return self._finish()

    @property
    def labels(self) -> dict[str, int] | None:
        """{session: label}, once they are read."""
        return self._labels.result()

    def _read(self) -> None:
        waiting: deque[_Waiting] = deque()
        writing: deque[_Writing] = deque()
        chunks = self._chunks()
        at_once = self.engine.workers + 1
        more = True
        while more or waiting:
            while more and len(waiting) < at_once:
                chunk = next(chunks, None)
                more = chunk is not None
                if chunk is not None:
                    base = self.place.bases[chunk.source]
                    waiting.append(
                        _Waiting(
                            chunk,
                            self.engine.submit(map_chunk, chunk, self.reader, self.settings.windows, base),
                        )
                    )
            if waiting:
                self._name_templates(waiting.popleft())
                if self.held.size >= self.settings.chunk_bytes // 2 or not (more or waiting):
                    writing.append(self._write())
            while writing and (len(writing) > at_once or not waiting):
                self._commit(writing.popleft())
        while writing:
            self._commit(writing.popleft())

    def _begin(self, resume: bool) -> None:
        progress = self.unfinished.progress() if resume else None
        if resume and STDIN in self.settings.logs:
            raise UserError("--resume: standard input cannot be read a second time")
        if progress is None:
            if resume:
                raise UserError(f"--resume: {self.settings.output} holds no parse that was ended early")
            if self.settings.templates is not None:
                self.known_state = read_known_templates(self.settings.templates, self.settings.log_format)
                self._learn_after_known()
            self.unfinished.begin()
            return
        check_unchanged(progress["settings"], self.settings.state(), progress["sources"], self.identities)
        self.unfinished.begun = True
        self.place = _Place(**progress["place"])
        self.counts = ParseCounts.from_state(progress["counts"])
        self.first_look.done = self.counts.events > 0
        self.unfinished.buckets = progress["buckets"]
        self.known_state = (progress["known_drains"], progress["known_first_ids"])
        if self.known_state[0]:
            self._learn_after_known()
        self.learned.drain = drain_from_state(progress["drain"])
        self.report(self.counts.lines, self._end())

    def _learn_after_known(self) -> None:
        drains, first_ids = self.known_state
        self.known = FixedIds([drain_from_state(state) for state in drains], first_ids)
        self.learned.first_id = max(KnownFirstIds(self.known, self.learned).templates(), default=0)

    def _chunks(self) -> Iterator[Chunk]:
        last_end = self.place.byte
        for chunk in read_chunks(self.sources, self.place.source, self.place.byte, self.settings.chunk_bytes):
            while len(self.place.bases) <= chunk.source:  # the log before has ended
                self.place.bases.append(self.place.bases[-1] + last_end)
                last_end = 0
            last_end = chunk.end
            yield chunk

    def _name_templates(self, item: _Waiting) -> None:
        mapped: MappedChunk = item.mapped.result()
        ids = self._ids().assign(mapped.distinct, mapped.code)
        self.first_look.take(mapped, self.labels)
        self.counts.add(mapped, ids, self.sources[item.chunk.source].name)
        self.held.parts.append(_Part(mapped.events, mapped.parameters, ids))
        self.held.size += max(len(item.chunk.content), 1)
        self.place.source, self.place.byte = item.chunk.source, item.chunk.end

    def _write(self) -> _Writing:
        held, self.held = self.held, _Held()
        number = self.place.chunks
        self.place.chunks += 1
        written = self.engine.submit(_group_and_write, held.parts, number, self.unfinished)
        return _Writing(written, self._progress(), self.counts.lines, self._end())

    def _end(self) -> int:
        """Bytes of all logs up to here."""
        return self.place.bases[self.place.source] + self.place.byte

    def _ids(self) -> LearnedIds | KnownFirstIds:
        return self.learned if self.known is None else KnownFirstIds(self.known, self.learned)

    def _progress(self) -> dict[str, Any]:
        if self.learned.fed != self._fed_at_state:
            self._drain_state, self._fed_at_state = drain_state(self.learned.drain), self.learned.fed
        return {
            "settings": self.settings.state(),
            "sources": self.identities,
            "place": {
                "source": self.place.source,
                "byte": self.place.byte,
                "chunks": self.place.chunks,
                "bases": list(self.place.bases),
            },
            "buckets": self.unfinished.buckets,
            "counts": self.counts.state(),
            "known_drains": self.known_state[0],
            "known_first_ids": self.known_state[1],
            "drain": self._drain_state,
        }

    def _commit(self, item: _Writing) -> None:
        item.written.result()
        self.unfinished.commit(item.progress)
        self.report(item.lines, item.end)

    def _finish(self) -> Parsed:
        self.first_look.end(self.labels)
        found: dict[str, int] = {}
        sessions = self.unfinished.folder / SESSIONS
        if self.unfinished.buckets == 1:
            rows = joined_rows(self.place.chunks, 0, self.unfinished)
            self._check_events(0 if rows is None else num_events(rows))
            assert rows is not None  # the first look wants some
            write_sessions(finish_rows(rows, self.labels, found), sessions)
            count = len(rows)
        else:
            self._check_events(self._join_buckets())
            count = merge_buckets(
                self.unfinished, sessions, lambda rows: finish_rows(rows, self.labels, found)
            )
        templates = self._ids().templates()
        parsed = Parsed(self.counts, count, templates, found, self.learned.fed)
        if self.settings.parameters:
            join_parameters(self.place.chunks, self.unfinished, self.unfinished.folder / PARAMETERS)
        write_output(self.settings, parsed, self._parser(), self.unfinished.folder, self._logs())
        self.unfinished.remove()
        return parsed

    def _join_buckets(self) -> int:
        """Join all buckets, few at once; returns how many events they have."""
        joins: deque[Promise] = deque()
        events = 0
        for bucket in range(self.unfinished.buckets):
            joins.append(self.engine.submit(join_bucket, self.place.chunks, bucket, self.unfinished))
            while len(joins) >= JOINED_AT_ONCE:
                events += joins.popleft().result()
        return events + sum(join.result() for join in joins)

    def _check_events(self, events: int) -> None:
        if events != self.counts.events:
            raise UserError(
                f"{self.unfinished.folder} holds {events:,} of {self.counts.events:,} events: parts of it "
                "are missing; parse again without --resume"
            )

    def _parser(self) -> dict[str, Any]:
        """What reads other logs the same way: see LineParser."""
        drains, first_ids = self.known_state
        state = self.settings.state()
        return {
            "format_version": PARSER_FORMAT,
            "log_format": state["log_format"],
            "window": state["window"],
            "drains": [*drains, drain_state(self.learned.drain)],
            "first_ids": [*first_ids, self.learned.first_id],
        }

    def _logs(self) -> list[dict[str, Any]]:
        """Where the offsets of each log begin."""
        rows = zip(self.identities, self.place.bases, strict=False)
        lines = self.counts.source_lines
        return [
            {"log": row["log"], "first_offset": base, "lines": lines.get(row["log"], 0)} for row, base in rows
        ]


def _group_and_write(parts: list[_Part], number: int, unfinished: Unfinished) -> None:
    parameters = [part.parameters for part in parts if part.parameters is not None]
    if parameters:
        write_parameters(pl.concat(parameters), number, unfinished)
    rows = [group_events(part.events, part.ids) for part in parts]
    write_parts(pl.concat(rows), number, unfinished)
