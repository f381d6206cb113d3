"""From lines to alerts: events join their open blocks, and blocks are closed and scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.alerts.alert import Alert
from seqlab.alerts.blocks import (
    EVENT,
    LONGEST_HELD,
    OpenBlock,
    OpenBlocks,
    block_id,
    pop_first,
    pop_while,
    session_begins,
)
from seqlab.alerts.clock import LATE_SECONDS, MICROSECONDS, NO_TIME, LogClock
from seqlab.alerts.closing import CERTAIN, Case, alerts_of, closed_cases
from seqlab.alerts.models import Model
from seqlab.logs.reading import Lines

if TYPE_CHECKING:
    from seqlab.logs.line_reader import LineEvents

_LONGEST_BLOCK = 100_000  # events; a longer block is closed and goes on as another
_CLOSED_AT_ONCE = 10_000  # blocks
_SIZE = EVENT.itemsize


@dataclass(frozen=True)
class Limits:
    """When blocks are closed.

    Args:
        idle: seconds of the log's own time without a line; None leaves blocks open. When ``live``, seconds of
            watching without a line too.
        max_open: blocks; beyond them the one whose last line is oldest is closed.
        longest: events of a block.
    """

    idle: float | None = None
    max_open: int = 1_000_000
    live: bool = False
    longest: int = _LONGEST_BLOCK

    @property
    def wait(self) -> int | None:
        """``idle`` in microseconds."""
        return None if self.idle is None else int(self.idle * MICROSECONDS)


@dataclass
class Totals:
    """What was counted, restarts included."""

    lines: int = 0
    events: int = 0
    blocks: int = 0  # begun
    alerts: int = 0
    skipped: int = 0  # lines
    limited: int = 0  # blocks closed by a limit and not by their own silence


@dataclass(frozen=True)
class Runs:
    """The E new events of a chunk, block after block: R runs of events, each of one session."""

    order: NDArray[np.int64]  # (E,) which event of the chunk
    lengths: NDArray[np.int64]  # (R,) at least 1
    blocks: list[OpenBlock]  # (R,) the session of each run

    @property
    def starts(self) -> NDArray[np.int64]:
        return np.cumsum(self.lengths) - self.lengths


class Watcher:
    """Holds the open blocks of one log.

    Args:
        read_line: the text of a line by number of its file and offset, None where it is gone.
        file_name: how alerts call the log.
        hold_texts: keep the last lines of open blocks, because ``read_line`` may not find them later.
    """

    def __init__(
        self,
        model: Model,
        limits: Limits,
        *,
        read_line: Callable[[int, int], str | None],
        file_name: str,
        hold_texts: bool,
    ) -> None:
        self.model = model
        self.limits = limits
        self.read_line = read_line
        self.file_name = file_name
        self.hold_texts = hold_texts
        self.open: OpenBlocks = {}
        self.totals = Totals()
        wait = limits.wait
        self.clock = LogClock(None if wait is None else wait + LATE_SECONDS * MICROSECONDS)

    def take(self, lines: Lines, events: LineEvents, tokens: NDArray[np.int32], now: float) -> list[Alert]:
        """Let a chunk's events join their blocks.

        Args:
            tokens: (E,) vocabulary ids of the events.
            now: seconds of a clock that only runs while someone watches.

        Returns:
            Alerts that are certain now, in the order of their lines, then those of blocks closed.
        """
        self.totals.events += len(tokens)
        alerts: list[Alert] = []
        closing: list[tuple[OpenBlock, str]] = []
        if len(tokens):
            times = events.time.astype("datetime64[us]").astype(np.int64)
            runs = self._runs(lines, events, times, now, closing)
            self._join(runs, lines, events, tokens)
            if self.model.judges_open_blocks:
                alerts = self._certain(runs, times)
        silent = self.clock.silent_until()
        closing += [(block, "idle") for block in pop_while(self.open, lambda block: block.heard <= silent)]
        closing += [(block, "limit") for block in pop_first(self.open, len(self.open) - self.limits.max_open)]
        self.totals.limited += sum(reason == "limit" for _, reason in closing)
        return alerts + self._close(closing)

    def close_idle(self, now: float) -> list[Alert]:
        """Close what got no line for ``idle`` seconds of watching; only when every line there is was read."""
        if not self.limits.live or self.limits.idle is None:
            return []
        before = now - self.limits.idle
        due = pop_while(self.open, lambda block: block.seen < before)
        return self._close([(block, "idle") for block in due])

    def close_some(self) -> list[Alert]:
        """Close some thousands of blocks at the end of the log; call until none is open."""
        return self._close([(block, "end of log") for block in pop_first(self.open, _CLOSED_AT_ONCE)])

    def _close(self, closing: Sequence[tuple[OpenBlock, str]]) -> list[Alert]:
        alerts: list[Alert] = []
        for first in range(0, len(closing), _CLOSED_AT_ONCE):
            alerts += self._alerts(closed_cases(self.model, closing[first : first + _CLOSED_AT_ONCE]))
        return alerts

    def _alerts(self, cases: Sequence[Case]) -> list[Alert]:
        self.totals.alerts += len(cases)
        return alerts_of(self.model, cases, self.read_line, self.file_name)

    def _runs(
        self,
        lines: Lines,
        events: LineEvents,
        times: NDArray[np.int64],
        now: float,
        closing: list[tuple[OpenBlock, str]],
    ) -> Runs:
        """Group a chunk by block, and begin a new session where a block was silent for too long.

        The chunk's blocks are the last of the open ones then, in the order of their last lines.

        Args:
            times: (E,) microseconds.
            closing: takes the sessions that end.
        """
        table = pl.DataFrame({"session": events.session, "place": np.arange(len(times), dtype=np.int64)})
        groups = table.group_by("session", maintain_order=True).agg("place")
        order = groups["place"].explode().to_numpy()
        counts = groups["place"].list.len().to_numpy().astype(np.int64)
        starts = np.cumsum(counts) - counts
        grouped = times[order]
        begins = session_begins(grouped, starts, self.limits.wait)
        lengths = np.diff(np.append(begins, len(order)))
        timed = np.maximum.accumulate(np.where(grouped != NO_TIME, np.arange(len(grouped)), -1))
        timed = timed[begins + lengths - 1]  # (R,) the last event with a time
        ends = np.where(timed >= begins, grouped[timed], NO_TIME)
        names = groups["session"].gather(np.searchsorted(starts, begins, side="right") - 1).to_list()
        first, last = order[begins], order[begins + lengths - 1]
        first_lines = lines.column.gather(events.line[first]).to_list()
        heard = self.clock.hear(times)
        blocks: list[OpenBlock] = []
        for name, line, begin, end, number in zip(
            names, first_lines, times[first].tolist(), ends.tolist(), heard[last].tolist(), strict=True
        ):
            block = self.open.pop(name, None)
            if block is not None and (reason := self._why_it_ends(block, begin)):
                closing.append((block, reason))
                block = None
            if block is None:
                block = OpenBlock(name, block_id(name, line), begin)
                self.totals.blocks += 1
            if end != NO_TIME:
                block.last_time = end
            block.seen, block.heard = now, number
            self.open[name] = block
            blocks.append(block)
        for place in np.argsort(last).tolist():  # the block of the last line comes last
            latest = blocks[place]
            if self.open[latest.name] is latest:
                self.open[latest.name] = self.open.pop(latest.name)
        return Runs(order, lengths, blocks)

    def _why_it_ends(self, block: OpenBlock, time: int) -> str | None:
        """Why a block is closed before its next line, which has this time; None where it goes on."""
        wait = self.limits.wait
        if wait is not None and NO_TIME not in (time, block.last_time) and time - block.last_time > wait:
            return "idle"
        return "limit" if block.num_events >= self.limits.longest else None

    def _join(self, runs: Runs, lines: Lines, events: LineEvents, tokens: NDArray[np.int32]) -> None:
        """Keep the new events with their blocks."""
        line = events.line[runs.order]
        records = np.zeros(len(line), dtype=EVENT)
        records["offset"] = lines.offsets[line]
        records["file"] = lines.chunk.file
        records["key"] = events.key[runs.order]
        records["token"] = tokens[runs.order]
        content = memoryview(records.tobytes())
        starts, lengths = runs.starts.tolist(), runs.lengths.tolist()
        for block, start, length in zip(runs.blocks, starts, lengths, strict=True):
            block.events += content[start * _SIZE : (start + length) * _SIZE]
        if self.hold_texts:
            texts = [lines.texts[place][:LONGEST_HELD] for place in line.tolist()]
            for block, start, length in zip(runs.blocks, starts, lengths, strict=True):
                block.texts.extend(texts[start : start + length])

    def _certain(self, runs: Runs, times: NDArray[np.int64]) -> list[Alert]:
        """An alert for each block whose growing score has just passed the threshold."""
        judge, scorer = self.model.judge, self.model.scorer.of_open
        if scorer is None:
            return []
        kept = runs.lengths + scorer.window_size
        parts = [
            block.events[-size * _SIZE :] for block, size in zip(runs.blocks, kept.tolist(), strict=True)
        ]
        tokens = np.frombuffer(b"".join(parts), EVENT)["token"]
        given = np.asarray([len(part) // _SIZE for part in parts], dtype=np.int64)
        before = np.asarray([block.num_events for block in runs.blocks], dtype=np.int64) - runs.lengths
        scored = scorer.newest(tokens, given, runs.lengths, before)
        values = scored.nll if judge.main == "nll_max" else scored.rank
        beyond = np.flatnonzero(values.astype(np.float64) > judge.threshold)
        owner = np.searchsorted(runs.starts, beyond, side="right") - 1
        cases = []
        for hit in np.unique(owner, return_index=True)[1].tolist():  # the first event of each
            event, run = int(beyond[hit]), int(owner[hit])
            block, chunk_place = runs.blocks[run], int(runs.order[event])
            if not block.alerted:
                block.alerted = True
                place = int(before[run] + event - runs.starts[run])
                nll, rank, score = float(scored.nll[event]), int(scored.rank[event]), float(values[event])
                case = Case(block, place, nll, rank, score, CERTAIN, int(times[chunk_place]))
                cases.append((chunk_place, case))
        return self._alerts([case for _, case in sorted(cases, key=lambda found: found[0])])
