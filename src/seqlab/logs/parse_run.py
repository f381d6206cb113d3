"""A whole parse: logs in, sessions.parquet, templates.csv and parse.json out.

Chunks are taken apart side by side, by threads of this machine or by a Ray cluster; their templates are named
one chunk after the other, as Drain needs it; then the chunks' sessions are grouped side by side, and joined
at the end.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from seqlab.errors import UserError, disk_message
from seqlab.logs.drain import Drain, FixedIds, LearnedIds
from seqlab.logs.known_templates import PARAMETERS, PARSER_FORMAT, SESSIONS, SUMMARY, read_known_templates
from seqlab.logs.line_reader import LineReader
from seqlab.logs.output import (
    ENOUGH_LINES,
    ROWS_AT_ONCE,
    Labels,
    ParseCounts,
    Parsed,
    check_lines,
    write_output,
    write_sessions,
)
from seqlab.logs.reading import STDIN, Chunk, find_logs, read_chunks, text_bytes
from seqlab.logs.sessions import MappedChunk, Named, Parts, map_chunk, parts_beside
from seqlab.logs.settings import ParseSettings

ENGINES = ("local", "ray")
BUCKET_BYTES = 4 << 30  # of text whose sessions are joined at once
PACKED_FACTOR = 20  # text is about so many times as large as its gzip
UNKNOWN_SIZE_BUCKETS = 64  # of standard input
JOINED_AT_ONCE = 2


class Engine(NamedTuple):
    """Computes functions on their own, side by side."""

    workers: int
    submit: Callable[..., Future[Any]]  # of a function and its arguments
    close: Callable[[], None]


def open_engine(name: str = "local", address: str | None = None) -> Engine:
    """An engine by name.

    Args:
        address: of a Ray cluster, whose machines share the logs' and the output's folders; None starts one
            on this machine.

    Raises:
        UserError: an unknown name, an address without Ray, ray is not installed, or no cluster answers.
    """
    if name not in ENGINES:
        raise UserError(f"--engine {name}: choose {' or '.join(ENGINES)}")
    if name == "ray":
        return _ray(address)
    if address is not None:
        raise UserError("--address goes with --engine ray")
    # one thread a core: polars and NumPy release Python's lock in what is dear
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pool = ThreadPoolExecutor(workers)
    return Engine(workers, pool.submit, partial(pool.shutdown, cancel_futures=True))


def _ray(address: str | None) -> Engine:
    try:
        import ray
    except ImportError:
        raise UserError("--engine ray needs Ray: pip install 'seqlab[ray]'") from None
    try:
        ray.init(address=address, log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(f"--address {address}: no Ray cluster there: {error}") from None
    call = ray.remote(num_cpus=1)(_call)
    workers = max(int(ray.cluster_resources().get("CPU", 1)), 1)
    return Engine(workers, lambda *work: call.remote(*work).future(), ray.shutdown)


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def parse(
    settings: ParseSettings,
    engine: Engine,
    *,
    read_labels: Callable[[Path], Labels] | None = None,
    report: Callable[[int, int], None] = lambda lines, position: None,
) -> Parsed:
    """Parse all logs.

    Args:
        read_labels: reads ``settings.labels``; needed where there are some.
        report: called with the lines and the bytes so far.

    Raises:
        UserError: a log that cannot be read, labels or templates of another log, an output that cannot be
            written. Then the output is as it was.
    """
    logs, output = find_logs(settings.logs), settings.output
    try:
        with parts_beside(output) as parts, ThreadPoolExecutor(1) as beside:
            if (output / SUMMARY).exists() and not settings.overwrite:
                raise UserError(f"{output} holds a parse already: give another --output, or --overwrite")
            parts.buckets = _num_buckets(logs)
            labels = None
            if settings.labels is not None:
                if read_labels is None:
                    raise ValueError(f"labels={settings.labels}: give read_labels too")
                labels = beside.submit(read_labels, settings.labels)
            return _Run(settings, parts, engine, labels).run(report)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = disk_message(error, output) or f"{output}: the parse cannot go on: {error}"
        raise UserError(f"{reason}; nothing is kept of it") from None


def _num_buckets(logs: Sequence[str]) -> int:
    if STDIN in logs or not all(map(os.path.isfile, logs)):
        return UNKNOWN_SIZE_BUCKETS
    sizes = (text_bytes(log) or os.path.getsize(log) * PACKED_FACTOR for log in logs)
    return max(1, -(-sum(sizes) // BUCKET_BYTES))


class _Run:
    def __init__(
        self, settings: ParseSettings, parts: Parts, engine: Engine, labels: Future[Labels] | None
    ) -> None:
        form = settings.log_format
        self.settings = settings
        self.parts = parts
        self.engine = engine
        self.labels = labels  # read while the log is
        self.counts = ParseCounts()
        self.bases = [0]  # bytes of all logs before each
        self.writing: deque[Future[Any]] = deque()  # into the folder of parts, by workers
        self.known: tuple[list[dict[str, Any]], list[int]] = ([], [])
        if settings.templates is not None:
            self.known = read_known_templates(settings.templates, form)
        drain = Drain(form.similarity, form.depth, counts_masks=form.counts_masks)
        self.ids = LearnedIds(drain, FixedIds(*self.known))

    def run(self, report: Callable[[int, int], None]) -> Parsed:
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

    def _read(self, report: Callable[[int, int], None]) -> None:
        """Read, take apart and group all lines; the workers write parts of sessions."""
        named: list[Named] = []
        size = number = 0
        for chunk, mapped in self._mapped():
            ids = self.ids.assign(mapped.distinct, mapped.code)
            self.counts.add(mapped, ids, self.settings.logs[chunk.file])
            if self.counts.lines >= ENOUGH_LINES:
                check_lines(self.settings, self.counts)
            if self.labels is not None and self.labels.done():
                self.labels.result()  # what is wrong with them is said before the log was read
            named.append((mapped.events, ids, mapped.parameters))
            size += len(chunk.content)
            if size >= self.settings.chunk_bytes // 2:  # many small logs are one part
                self.writing.append(self.engine.submit(self.parts.group_and_write, named, number))
                named, size, number = [], 0, number + 1
            self._write_until(self.engine.workers + 1)
            report(self.counts.lines, self.bases[chunk.file] + chunk.end)
        check_lines(self.settings, self.counts)
        self.writing.append(self.engine.submit(self.parts.group_and_write, named, number))
        self._write_until(0)

    def _mapped(self) -> Iterator[tuple[Chunk, MappedChunk]]:
        """The chunks taken apart, in order; as many at once as there are workers."""
        settings = self.settings
        reader = LineReader(settings.log_format, settings.windows, keep_values=settings.parameters)
        waiting: deque[tuple[Chunk, Future[MappedChunk]]] = deque()
        end = 0
        for chunk in read_chunks(settings.logs, settings.chunk_bytes):
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
        made, parts, settings = self.parts.folder, self.parts, self.settings
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
        labels = None if self.labels is None else self.labels.result()
        found = write_sessions(buckets, labels, made / SESSIONS)
        parsed = Parsed(self.counts, self.ids.templates(), found, self.ids.fed, time.perf_counter() - begin)
        if settings.labels is not None and {*found} == {"unknown"}:
            raise UserError(
                f"{settings.labels}: labels none of the {parsed.num_sessions:,} sessions; is it the file of "
                "this log?"
            )
        if settings.parameters:
            parameters = pl.scan_parquet(sorted(made.glob("parameters-*")))
            parameters.sink_parquet(made / PARAMETERS, compression_level=1, row_group_size=ROWS_AT_ONCE)
        logs = [
            {"log": log, "first_offset": base, "lines": self.counts.log_lines[log]}
            for log, base in zip(settings.logs, self.bases, strict=False)  # empty logs at the end have none
        ]
        write_output(settings, parsed, self._parser(), made, logs)
        return parsed

    def _parser(self) -> dict[str, Any]:
        """What reads other logs the same way: see LineParser."""
        (drains, first_ids), windows = self.known, self.settings.windows
        return {
            "format_version": PARSER_FORMAT,
            "log_format": asdict(self.settings.log_format),
            "window": None if windows is None else asdict(windows),
            "drains": [*drains, self.ids.drain.state()],
            "first_ids": [*first_ids, self.ids.first_id],
        }
