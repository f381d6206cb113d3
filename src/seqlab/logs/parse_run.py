"""A whole parse: logs in, sessions.parquet, templates.csv and parse.json out.

Chunks are taken apart side by side; their templates are named one chunk after the other, as Drain needs it;
then the chunks' sessions are grouped side by side, and joined at the end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.errors import UserError
from seqlab.logs.chunk_sessions import MappedChunk, group_events, map_chunk
from seqlab.logs.counting import ParseCounts
from seqlab.logs.drain_state import drain_from_state, drain_state, new_drain
from seqlab.logs.engines import Engine, Promise
from seqlab.logs.formats import FORMATS, LogFormat
from seqlab.logs.known_templates import read_known_templates
from seqlab.logs.line_parser import PARSER_FORMAT
from seqlab.logs.lines import LineReader
from seqlab.logs.output import SESSIONS, check_labels, finish_rows, write_output
from seqlab.logs.reading import CHUNK_BYTES, STDIN, Chunk, Source, find_sources, read_chunks
from seqlab.logs.template_ids import FixedIds, KnownFirstIds, LearnedIds
from seqlab.logs.unfinished import Unfinished, join_bucket, merge_buckets, write_parts
from seqlab.logs.windows import TimeWindows

BUCKET_BYTES = 4 << 30  # of a plain log whose sessions are joined at once
UNKNOWN_SIZE_BUCKETS = 16


@dataclass(frozen=True)
class ParseSettings:
    """What a parse is asked for."""

    logs: tuple[str, ...]
    output: Path
    log_format: LogFormat
    windows: TimeWindows | None = None
    labels: Path | None = None
    templates: Path | None = None
    chunk_bytes: int = CHUNK_BYTES

    def __post_init__(self) -> None:
        if self.log_format.session is None and self.windows is None:
            raise UserError(
                f"--format {self.log_format.name} names no session: give --session REGEX, or --window SECONDS"
            )

    def state(self) -> dict[str, Any]:
        """Plain values: what must be the same when a parse goes on."""
        return {
            "logs": list(self.logs),
            "log_format": self.log_format.state(),
            "window": None
            if self.windows is None
            else {"seconds": self.windows.seconds, "step": self.windows.step},
            "labels": None if self.labels is None else str(self.labels),
            "templates": None if self.templates is None else str(self.templates),
        }


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
    resume: bool = False,
    report: Callable[[int, int], None] = lambda lines, position: None,
) -> Parsed:
    """Parse all logs.

    Args:
        resume: go on after the last whole chunk of a parse that was ended.
        report: called with the lines and the bytes that are on disk so far.

    Raises:
        UserError: a log that cannot be read, settings that changed since the parse that is resumed, labels of
            another log.
    """
    return _Run(settings, engine, report).run(resume)


class _Run:
    def __init__(self, settings: ParseSettings, engine: Engine, report: Callable[[int, int], None]) -> None:
        self.settings = settings
        self.engine = engine
        self.report = report
        self.sources = find_sources(settings.logs)
        self.reader = LineReader(settings.log_format)
        self.unfinished = Unfinished(settings.output, self._buckets())
        self.counts = ParseCounts()
        self.place = _Place()
        self.known: FixedIds | None = None
        self.known_state: tuple[list[dict[str, Any]], list[int]] = ([], [])
        self.learned = LearnedIds(new_drain(settings.log_format.similarity, settings.log_format.depth))
        self._drain_state: dict[str, Any] | None = None
        self._fed_at_state = -1

    def _buckets(self) -> int:
        sizes = [source.plain_bytes for source in self.sources]
        if any(size is None for size in sizes):
            return UNKNOWN_SIZE_BUCKETS
        return max(1, -(-sum(size or 0 for size in sizes) // BUCKET_BYTES))

    def run(self, resume: bool) -> Parsed:
        labels = check_labels(self.settings.labels)
        self._begin(resume)
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
                writing.append(self._name_templates(waiting.popleft(), labels))
            while writing and (len(writing) > at_once or not waiting):
                self._commit(writing.popleft())
        while writing:
            self._commit(writing.popleft())
        return self._finish(labels)

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
        _check_unchanged(progress["settings"], self.settings.state(), progress["sources"], self._identities())
        self.place = _Place(**progress["place"])
        self.counts = ParseCounts.from_state(progress["counts"])
        self.unfinished.buckets = progress["buckets"]
        self.known_state = (progress["known_drains"], progress["known_first_ids"])
        if self.known_state[0]:
            self._learn_after_known()
        self.learned.drain = drain_from_state(progress["drain"])

    def _learn_after_known(self) -> None:
        drains, first_ids = self.known_state
        self.known = FixedIds([drain_from_state(state) for state in drains], first_ids)
        self.learned.first_id = max(KnownFirstIds(self.known, self.learned).templates(), default=0)

    def _identities(self) -> list[dict[str, Any]]:
        return [
            {"log": source.name, "bytes": Path(source.path).stat().st_size if source.path != STDIN else None}
            for source in self.sources
        ]

    def _chunks(self) -> Iterator[Chunk]:
        last_end = self.place.byte
        for chunk in read_chunks(self.sources, self.place.source, self.place.byte, self.settings.chunk_bytes):
            while len(self.place.bases) <= chunk.source:  # the log before has ended
                self.place.bases.append(self.place.bases[-1] + last_end)
            last_end = chunk.end
            yield chunk

    def _name_templates(self, item: _Waiting, labels: dict[str, int] | None) -> _Writing:
        mapped: MappedChunk = item.mapped.result()
        ids = self._ids().assign(mapped.distinct, mapped.code)
        if self.place.chunks == 0 and mapped.num_lines:
            _refuse_foreign_format(mapped, self.settings.log_format)
            if labels is not None:
                _refuse_foreign_labels(mapped.events["session"], labels, self.settings.labels)
        chunk = item.chunk
        self.counts.add(mapped, ids, self.sources[chunk.source].name)
        number = self.place.chunks
        self.place.chunks += 1
        self.place.source, self.place.byte = chunk.source, chunk.end
        written = self.engine.submit(_group_and_write, mapped.events, ids, number, self.unfinished)
        end = self.place.bases[chunk.source] + chunk.end
        return _Writing(written, self._progress(), self.counts.lines, end)

    def _ids(self) -> LearnedIds | KnownFirstIds:
        return self.learned if self.known is None else KnownFirstIds(self.known, self.learned)

    def _progress(self) -> dict[str, Any]:
        if self.learned.fed != self._fed_at_state:
            self._drain_state, self._fed_at_state = drain_state(self.learned.drain), self.learned.fed
        return {
            "settings": self.settings.state(),
            "sources": self._identities(),
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

    def _finish(self, labels: dict[str, int] | None) -> Parsed:
        if not self.place.chunks:
            self.unfinished.remove()
            raise UserError(f"{', '.join(self.settings.logs)}: no line in it")
        joins = [
            self.engine.submit(join_bucket, self.place.chunks, bucket, self.unfinished)
            for bucket in range(self.unfinished.buckets)
        ]
        for join in joins:
            join.result()
        found: dict[str, int] = {}
        sessions = self.unfinished.folder / SESSIONS
        count = merge_buckets(self.unfinished, sessions, lambda rows: finish_rows(rows, labels, found))
        templates = self._ids().templates()
        parsed = Parsed(self.counts, count, templates, found, self.learned.fed)
        write_output(self.settings, parsed, self._parser(), sessions, self._logs())
        self.unfinished.remove()
        return parsed

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
        rows = zip(self._identities(), self.place.bases, strict=False)
        lines = self.counts.source_lines
        return [row | {"first_offset": base, "lines": lines.get(row["log"], 0)} for row, base in rows]


def _group_and_write(
    events: pl.DataFrame, ids: NDArray[np.int32], chunk: int, unfinished: Unfinished
) -> None:
    write_parts(group_events(events, ids), chunk, unfinished)


def _check_unchanged(
    before: dict[str, Any], now: dict[str, Any], logs_before: list[Any], logs_now: list[Any]
) -> None:
    changed = [name for name in now if before.get(name) != now[name]]
    if changed:
        raise UserError(
            f"--resume: {', '.join(changed)} differ from the parse that was ended; give the same, or parse "
            "again without --resume"
        )
    for old, new in zip(logs_before, logs_now, strict=True):
        if old["bytes"] is not None and new["bytes"] < old["bytes"]:
            raise UserError(f"--resume: {new['log']} has become shorter since; parse again without --resume")


def _refuse_foreign_format(mapped: MappedChunk, log_format: LogFormat) -> None:
    if len(mapped.events):
        return
    reason, (_, shown) = max(mapped.skipped.items(), key=lambda item: item[1][0])
    first = f"; line {shown[0].line + 1}: {shown[0].text[:80]!r}" if shown else ""
    raise UserError(
        f"none of the first {mapped.num_lines:,} lines could be used ({reason}) with --format "
        f"{log_format.name}{first}. Choose {', '.join(FORMATS)}, or regex with --header and --session"
    )


def _refuse_foreign_labels(sessions: pl.Series, labels: dict[str, int], path: Path | None) -> None:
    distinct = sessions.unique()
    with suppress(StopIteration):
        next(name for name in distinct if name in labels)
        return
    raise UserError(
        f"{path}: labels none of the first {len(distinct):,} sessions, such as {distinct[0]}; is it the "
        "label file of this log?"
    )


def all_bytes(sources: list[Source]) -> int | None:
    """Bytes of all logs; None where one is packed or standard input."""
    sizes = [source.plain_bytes for source in sources]
    return None if any(size is None for size in sizes) else sum(size or 0 for size in sizes)
