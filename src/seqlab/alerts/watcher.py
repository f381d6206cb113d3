"""From lines to alerts: events join their open blocks, are scored as they come, and blocks are closed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.alert import Alert
from seqlab.alerts.blocks import (
    EVENT,
    LONGEST_HELD,
    NO_TIME,
    OpenBlock,
    OpenBlocks,
    Segments,
    session_begins,
    window_stream,
)
from seqlab.alerts.clock import LATE_SECONDS, MICROSECONDS, LogClock
from seqlab.alerts.closing import Closer
from seqlab.alerts.judge import Judge
from seqlab.alerts.lines import Lines
from seqlab.alerts.models import Model
from seqlab.alerts.remembered import WindowScorer
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.windows import WindowIndex

if TYPE_CHECKING:
    from seqlab.logs.line_parser import LineEvents

_LONGEST_BLOCK = 100_000  # events; a longer block is closed and goes on as another
_CLOSED_AT_ONCE = 10_000  # blocks


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


@dataclass
class Totals:
    """What was counted, restarts included."""

    lines: int = 0
    events: int = 0
    blocks: int = 0  # begun
    alerts: int = 0
    skipped: int = 0  # lines
    limited: int = 0  # blocks closed by a limit and not by their own silence


class Watcher:
    """Holds the open blocks of one log.

    Args:
        read_line: the text of a line by file and offset, None where it is gone.
        file_name: how alerts call file number n.
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
        self.vocabulary: Vocabulary = model.vocabulary
        self.judge: Judge = model.judge
        self.windows = model.scorer if isinstance(model.scorer, WindowScorer) else None
        blank = np.zeros(0, dtype=np.int32) if self.windows is None else self.windows.blank
        self.open = OpenBlocks(blank, hold_texts=hold_texts)
        self.closer = Closer(model, self.open, read_line, file_name)
        self.totals = Totals()
        wait = None if limits.idle is None else int((limits.idle + LATE_SECONDS) * MICROSECONDS)
        self.clock = LogClock(wait)

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
            segments = self._segments(events, times, now, closing)
            alerts = self._join(segments, lines, events, tokens, times)
        silent = self.clock.silent_until()
        closing += [(block, "idle") for block in self.open.pop_while(lambda block: block.heard <= silent)]
        limited = self.open.pop_first(len(self.open) - self.limits.max_open)
        closing += [(block, "limit") for block in limited]
        self.totals.limited += len(limited)
        return alerts + self._close(closing)

    def close_idle(self, now: float) -> list[Alert]:
        """Close what got no line for ``idle`` seconds of watching; only when every line there is was read."""
        if not self.limits.live or self.limits.idle is None:
            return []
        before = now - self.limits.idle
        return self._close(
            [(block, "idle") for block in self.open.pop_while(lambda block: block.seen < before)]
        )

    def close_some(self) -> list[Alert]:
        """Close some thousands of blocks at the end of the log; call until none is open."""
        return self._close([(block, "end of log") for block in self.open.pop_first(_CLOSED_AT_ONCE)])

    def _close(self, closing: Sequence[tuple[OpenBlock, str]]) -> list[Alert]:
        alerts: list[Alert] = []
        for first in range(0, len(closing), _CLOSED_AT_ONCE):
            alerts += self.closer.close(closing[first : first + _CLOSED_AT_ONCE])
        self.totals.alerts += len(alerts)
        return alerts

    def _segments(
        self,
        events: LineEvents,
        times: NDArray[np.int64],
        now: float,
        closing: list[tuple[OpenBlock, str]],
    ) -> Segments:
        """Group a chunk by block, and begin a new session where a block was silent for too long.

        The chunk's blocks are the last of the open ones then, in the order of their last lines.
        """
        import polars as pl

        table = pl.DataFrame({"session": events.session, "place": np.arange(len(times), dtype=np.int64)})
        groups = table.group_by("session", maintain_order=True).agg("place")
        order = groups["place"].explode().to_numpy()
        counts = groups["place"].list.len().to_numpy().astype(np.int64)
        names: list[str] = groups["session"].to_list()
        starts = np.cumsum(counts) - counts
        wait = None if self.limits.idle is None else int(self.limits.idle * MICROSECONDS)
        first = session_begins(times[order], starts, wait)
        is_new_block = np.zeros(len(order), dtype=bool)
        is_new_block[starts] = True
        blocks: list[OpenBlock] = []
        going_on: list[OpenBlock] = []  # the last session of each name
        by_id = self.open.by_id
        number = -1
        block: OpenBlock | None = None
        first_times = times[order[first]].tolist()
        last_times = times[order[np.append(first[1:], len(order)) - 1]].tolist()
        last_places = order[starts + counts - 1]
        for new, begin, end in zip(is_new_block[first].tolist(), first_times, last_times, strict=True):
            if new:
                if block is not None:
                    going_on.append(block)
                number += 1
                block = by_id.pop(names[number], None)
                silent = wait is not None and block is not None and NO_TIME not in (begin, block.last_time)
                if block is not None and silent and begin - block.last_time > wait:
                    closing.append((block, "idle"))
                    block = None
                elif block is not None and block.num_events >= self.limits.longest:
                    closing.append((block, "limit"))
                    self.totals.limited += 1
                    block = None
            elif block is not None:
                closing.append((block, "idle"))
                block = None
            if block is None:
                block = self.open.begin(names[number], now)
                block.first_time = begin
                self.totals.blocks += 1
            if end != NO_TIME:
                block.last_time = end
            blocks.append(block)
        if block is not None:
            going_on.append(block)
        self._put_back(going_on, last_places, times, now)
        lengths = np.diff(np.append(first, len(order)))
        before = np.asarray([block.num_events for block in blocks], dtype=np.int64)
        return Segments(order, lengths, blocks, before)

    def _put_back(
        self, blocks: list[OpenBlock], last_places: NDArray[np.int64], times: NDArray[np.int64], now: float
    ) -> None:
        """Let the clock hear a chunk; its B blocks become the last open ones.

        Args:
            last_places: (B,) of the last event of each.
            times: (E,) of the chunk.
        """
        heard = self.clock.hear(times)[last_places].tolist()
        for number in np.argsort(last_places).tolist():
            block = blocks[number]
            block.seen, block.heard = now, heard[number]
            self.open.by_id[block.id] = block

    def _join(
        self,
        segments: Segments,
        lines: Lines,
        events: LineEvents,
        tokens: NDArray[np.int32],
        times: NDArray[np.int64],
    ) -> list[Alert]:
        """Score the new events and keep them with their blocks; alerts that are certain."""
        ordered_line, ordered = events.line[segments.order], tokens[segments.order]
        records = np.zeros(len(ordered), dtype=EVENT)
        records["offset"] = lines.offsets[ordered_line]
        records["file"] = lines.file
        records["key"] = events.key[segments.order]
        records["token"] = ordered
        records["nll"] = np.nan
        if self.windows is not None:
            self._score(segments, ordered, records)
        content, size = memoryview(records.tobytes()), EVENT.itemsize
        starts = segments.starts.tolist()
        for block, start, length in zip(segments.blocks, starts, segments.lengths.tolist(), strict=True):
            block.events += content[start * size : (start + length) * size]
        if self.open.hold_texts:
            texts = [lines.texts[place][:LONGEST_HELD] for place in ordered_line.tolist()]
            for block, start, length in zip(segments.blocks, starts, segments.lengths.tolist(), strict=True):
                if block.texts is not None:
                    block.texts.extend(texts[start : start + length])
        if self.windows is None or not self.judge.grows:
            return []
        return self._certain(segments, records, ordered_line, times)

    def _score(self, segments: Segments, ordered: NDArray[np.int32], records: NDArray[np.void]) -> None:
        """Fill in NLL and rank of what is predicted, and move every block's window on."""
        assert self.windows is not None
        size = self.windows.window_size
        slots = np.asarray([block.slot for block in segments.blocks], dtype=np.int64)
        stream, first = window_stream(self.open.contexts[slots], ordered, segments.lengths)
        blind = np.zeros_like(segments.lengths)
        if not self.windows.predicts_all:
            blind = np.clip(size - segments.before, 0, segments.lengths)
        index = WindowIndex(
            stream, first + blind, segments.lengths - blind, segments.before + blind, window_size=size
        )
        scored = self.windows.score(index)
        place = np.arange(len(ordered)) - np.repeat(segments.starts, segments.lengths)
        predicted = place >= np.repeat(blind, segments.lengths)
        records["nll"][predicted] = scored.nll
        records["rank"][predicted] = scored.rank
        ends = first + segments.lengths
        self.open.contexts[slots] = stream[ends[:, None] + np.arange(-size, 0)]

    def _certain(
        self,
        segments: Segments,
        records: NDArray[np.void],
        ordered_line: NDArray[np.int64],
        times: NDArray[np.int64],
    ) -> list[Alert]:
        """An alert for each block whose growing score has just passed the threshold."""
        values = records["nll"] if self.judge.main == "nll_max" else records["rank"]
        beyond = np.flatnonzero(values.astype(np.float64) > self.judge.threshold)
        owner = np.searchsorted(segments.starts, beyond, side="right") - 1
        _, first = np.unique(owner, return_index=True)
        due = [
            (int(ordered_line[beyond[hit]]), int(owner[hit]), int(beyond[hit]))
            for hit in first.tolist()
            if not segments.blocks[int(owner[hit])].alerted
        ]
        cases = []
        for _, segment, event in sorted(due):
            block = segments.blocks[segment]
            block.alerted = True
            place = int(segments.before[segment] + event - segments.starts[segment])
            time = int(times[segments.order[event]])
            cases.append((block, place, float(values[event]), time))
        alerts = self.closer.certain_alerts(cases)
        self.totals.alerts += len(alerts)
        return alerts
