"""From lines to alerts: events join their open blocks, and blocks are closed and scored."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.alerts.alert import NO_TIME, Alert
from seqlab.alerts.blocks import EVENT, Case, OpenBlock, alerts_of, block_id, closed_cases, session_begins
from seqlab.alerts.clock import LATE, MICROSECONDS, LogClock
from seqlab.alerts.models import Model
from seqlab.alerts.sources import Source
from seqlab.logs.reading import Lines
from seqlab.schemas import Number

if TYPE_CHECKING:
    from seqlab.alerts.labelled import LabelledSessions
    from seqlab.logs.line_reader import LineEvents

LONGEST_BLOCK = 100_000  # events; a longer block is closed and goes on as another
LONGEST_HELD = 2000  # letters of a line
_CLOSED_AT_ONCE = 10_000  # blocks
_SIZE = EVENT.itemsize


@dataclass
class Totals:
    """What was counted, restarts included."""

    lines: Number = 0
    events: Number = 0
    blocks: Number = 0  # begun
    alerts: Number = 0
    skipped: Number = 0  # lines
    closed_by_limit: Number = 0  # blocks, whose scores are of a part


@dataclass(frozen=True)
class Runs:
    """The E new events of a chunk, block after block: R runs of events, each of one session."""

    order: NDArray[np.int64]  # (E,) which event of the chunk
    starts: NDArray[np.int64]  # (R,) of the runs in ``order``
    lengths: NDArray[np.int64]  # (R,) at least 1
    blocks: list[OpenBlock]  # (R,) the session of each run


class Watcher:
    """Holds the open blocks of one log.

    Args:
        source: the log, whose lines alerts show.
        idle: seconds without a line after which a block is closed; None leaves blocks open.
        max_open: blocks; beyond them the one whose last line is oldest is closed.
        hold_texts: keep the last lines of open blocks, because the source may not find them later.
        labelled: is told of each block that is closed.
    """

    def __init__(
        self,
        model: Model,
        source: Source,
        idle: float | None,
        max_open: int,
        *,
        hold_texts: bool,
        labelled: LabelledSessions | None = None,
    ) -> None:
        self.model = model
        self.source = source
        self.idle = idle
        self.wait = None if idle is None else int(idle * MICROSECONDS)
        self.max_open = max_open
        self.hold_texts = hold_texts
        self.labelled = labelled
        self.open: dict[str, OpenBlock] = {}  # by name; the one whose last line is oldest comes first
        self.totals = Totals()
        self.clock = LogClock(None if self.wait is None else self.wait + LATE)

    def take(self, lines: Lines, events: LineEvents, tokens: NDArray[np.int32], now: float) -> list[Alert]:
        """Let a chunk's events join their blocks.

        Returns alerts that are certain now, in the order of their lines, then those of blocks closed.

        Args:
            tokens: (E,) vocabulary ids of the events.
            now: seconds of a clock that only runs while someone watches.
        """
        self.totals.events += len(tokens)
        alerts: list[Alert] = []
        closing: list[tuple[OpenBlock, str]] = []
        if len(tokens):
            times = events.time.astype("datetime64[us]").astype(np.int64)
            runs = self._runs(lines, events, times, now, closing)
            self._join(runs, lines, events, tokens)
            alerts = self._certain(runs, times)
        silent = takewhile(lambda block: block.heard <= self.clock.silent, self.open.values())
        closing += self._take_out(silent, "idle")
        closing += self._take_out(islice(self.open.values(), max(len(self.open) - self.max_open, 0)), "limit")
        self.totals.closed_by_limit += sum(reason == "limit" for _, reason in closing)
        return alerts + self._close(closing)

    def close_idle(self, now: float) -> list[Alert]:
        """Close what got no line for ``idle`` seconds of watching; only when every line there is was read."""
        if self.idle is None:
            return []
        before = now - self.idle
        silent = takewhile(lambda block: block.seen < before, self.open.values())
        return self._close(self._take_out(silent, "idle"))

    def close_some(self) -> list[Alert]:
        """Close some thousands of blocks at the end of the log; call until none is open."""
        return self._close(self._take_out(islice(self.open.values(), _CLOSED_AT_ONCE), "end of log"))

    def _take_out(self, blocks: Iterable[OpenBlock], reason: str) -> list[tuple[OpenBlock, str]]:
        return [(self.open.pop(block.name), reason) for block in list(blocks)]

    def _close(self, closing: Sequence[tuple[OpenBlock, str]]) -> list[Alert]:
        alerts: list[Alert] = []
        for first in range(0, len(closing), _CLOSED_AT_ONCE):
            part = closing[first : first + _CLOSED_AT_ONCE]
            cases = closed_cases(self.model, part)
            alerts += self._alerts(cases)
            if self.labelled is not None:
                above = {case.block.id for case in cases}
                for block, _ in part:
                    self.labelled.judged(block.name, is_alert=block.alerted or block.id in above)
        return alerts

    def _alerts(self, cases: Sequence[Case]) -> list[Alert]:
        self.totals.alerts += len(cases)
        return alerts_of(self.model, cases, self.source)

    def _runs(
        self,
        lines: Lines,
        events: LineEvents,
        times: NDArray[np.int64],
        now: float,
        closing: list[tuple[OpenBlock, str]],
    ) -> Runs:
        """Group a chunk by block, and begin a new session where a block was silent for too long.

        The chunk's blocks are the last of the open ones then, in the order of their last lines. Sessions that
        end go to ``closing``.
        """
        table = pl.DataFrame({"session": events.session, "place": np.arange(len(times), dtype=np.int64)})
        groups = table.group_by("session", maintain_order=True).agg("place")
        order = groups["place"].explode().to_numpy()
        counts = groups["place"].list.len().to_numpy().astype(np.int64)
        starts = of_blocks = np.cumsum(counts) - counts
        if self.wait is not None:
            starts = session_begins(times[order], of_blocks, self.wait)
        ends = np.append(starts[1:], len(order))
        first, last = order[starts], order[ends - 1]
        names = groups["session"].gather(np.searchsorted(of_blocks, starts, side="right") - 1).to_list()
        first_lines = lines.column.gather(events.line[first]).to_list()
        first_times, last_times = times[first].tolist(), np.maximum.reduceat(times[order], starts).tolist()
        heard = self.clock.hear(times)[last].tolist()
        blocks: dict[int, OpenBlock] = {}
        for run in np.argsort(last).tolist():
            block = self.open.pop(names[run], None)
            if block is not None and (reason := self._why_it_ends(block, first_times[run])):
                closing.append((block, reason))
                block = None
            if block is None:
                block = OpenBlock(names[run], block_id(names[run], first_lines[run]), first_times[run])
                self.totals.blocks += 1
            if last_times[run] != NO_TIME:
                block.last_time = last_times[run]
            block.seen, block.heard = now, heard[run]
            self.open[block.name] = blocks[run] = block
        return Runs(order, starts, ends - starts, [blocks[run] for run in range(len(starts))])

    def _why_it_ends(self, block: OpenBlock, time: int) -> str | None:
        """Why a block is closed before its next line, which has this time; None where it goes on."""
        wait = None if NO_TIME in (time, block.last_time) else self.wait
        if wait is not None and time - block.last_time > wait:
            return "idle"
        return "limit" if block.num_events >= LONGEST_BLOCK else None

    def _join(self, runs: Runs, lines: Lines, events: LineEvents, tokens: NDArray[np.int32]) -> None:
        """Keep the new events with their blocks."""
        line = events.line[runs.order]
        records = np.zeros(len(line), dtype=EVENT)
        records["offset"] = lines.offsets[line]
        records["file"] = lines.chunk.file
        records["key"] = events.key[runs.order]
        records["token"] = tokens[runs.order]
        content = memoryview(records.tobytes())
        texts = [lines.texts[place][:LONGEST_HELD] for place in line.tolist()] if self.hold_texts else []
        starts, lengths = runs.starts.tolist(), runs.lengths.tolist()
        for block, start, length in zip(runs.blocks, starts, lengths, strict=True):
            block.events += content[start * _SIZE : (start + length) * _SIZE]
            if texts:
                block.texts.extend(texts[start : start + length])

    def _certain(self, runs: Runs, times: NDArray[np.int64]) -> list[Alert]:
        """An alert for each block whose growing score has just passed the threshold, whatever follows."""
        judge, scorer = self.model.judge, self.model.scorer.of_open
        if scorer is None or not judge.grows:
            return []
        kept = (runs.lengths + scorer.window_size) * _SIZE
        parts = [block.events[-size:] for block, size in zip(runs.blocks, kept.tolist(), strict=True)]
        tokens = np.frombuffer(b"".join(parts), EVENT)["token"]
        given = np.asarray([len(part) // _SIZE for part in parts], dtype=np.int64)
        before = np.asarray([block.num_events for block in runs.blocks], dtype=np.int64) - runs.lengths
        scored = scorer.newest(tokens, given, runs.lengths, before)
        values = (scored.nll if judge.main == "nll_max" else scored.rank).astype(np.float64)
        beyond = np.flatnonzero(values > judge.threshold)
        owner = np.searchsorted(runs.starts, beyond, side="right") - 1
        found: list[tuple[int, Case]] = []  # the event of the chunk, and its case
        for hit in np.unique(owner, return_index=True)[1].tolist():  # the first event of each
            event, run = int(beyond[hit]), int(owner[hit])
            block, in_chunk = runs.blocks[run], int(runs.order[event])
            if not block.alerted:
                block.alerted = True
                place = int(before[run] + event - runs.starts[run])
                nll, rank, time = float(scored.nll[event]), int(scored.rank[event]), int(times[in_chunk])
                found.append((in_chunk, Case(block, place, nll, rank, float(values[event]), time)))
        return self._alerts([case for _, case in sorted(found, key=lambda item: item[0])])
