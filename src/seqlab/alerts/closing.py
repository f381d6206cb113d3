"""Closed blocks are scored to their end; what is suspect becomes an alert with its story."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.alert import Alert, LineRef, Surprise, best_guesses, iso_time, template_of
from seqlab.alerts.blocks import EVENT, NO_TIME, OpenBlock, OpenBlocks, window_stream
from seqlab.alerts.models import Model
from seqlab.alerts.remembered import WindowScorer
from seqlab.data.windows import WindowIndex
from seqlab.detection.surprise import UNSEEN_NLL, EventSurprise

CERTAIN = "certain"  # the reason of alerts of open blocks
_LINES_SHOWN = 3  # up to the most surprising one


class Case(NamedTuple):
    """A block that is an alert, and its most surprising event."""

    block: OpenBlock
    place: int  # of the event, from 0; the number of events for the block's end
    nll: float
    rank: int
    score: float
    reason: str
    last_time: int  # microseconds


class Closer:
    """Makes alerts of blocks."""

    def __init__(
        self,
        model: Model,
        blocks: OpenBlocks,
        read_line: Callable[[int, int], str | None],
        file_name: str,
    ) -> None:
        self.model = model
        self.blocks = blocks
        self.read_line = read_line
        self.file_name = file_name

    def close(self, closing: Sequence[tuple[OpenBlock, str]]) -> list[Alert]:
        """Score S blocks to their end. Alerts of those that gave none before, in the order given."""
        if not closing:
            return []
        lengths = np.asarray([block.num_events for block, _ in closing], dtype=np.int64)
        records = np.frombuffer(b"".join(block.events for block, _ in closing), EVENT)
        tokens = np.ascontiguousarray(records["token"])
        if isinstance(self.model.scorer, WindowScorer):
            events = self._with_ends(self.model.scorer, [block for block, _ in closing], records, lengths)
        else:
            events = self.model.scorer.surprise(tokens, lengths)
        self.blocks.release(block for block, _ in closing)
        judge = self.model.judge
        scores = judge.scores(events, tokens, lengths)
        due = [
            place
            for place in np.flatnonzero(scores > judge.threshold).tolist()
            if not closing[place][0].alerted
        ]
        if not due:
            return []
        worst = events.worst_event()
        cases = []
        for number in due:
            block, reason = closing[number]
            place = int(worst[number])
            event = int(events.offsets[number]) + place - int(events.first_key[number])
            nll, rank = float(events.nll[event]), int(events.rank[event])
            cases.append(Case(block, place, nll, rank, float(scores[number]), reason, block.last_time))
        return self._alerts(cases)

    def certain_alerts(self, cases: Sequence[tuple[OpenBlock, int, float, int]]) -> list[Alert]:
        """Of open blocks: (block, place of the event that passed the threshold, score, its time)."""
        found = []
        for block, place, score, time in cases:
            record = block.records[place]
            found.append(Case(block, place, float(record["nll"]), int(record["rank"]), score, CERTAIN, time))
        return self._alerts(found)

    def _with_ends(
        self,
        scorer: WindowScorer,
        blocks: Sequence[OpenBlock],
        records: NDArray[np.void],
        lengths: NDArray[np.int64],
    ) -> EventSurprise:
        """Put the surprise of each block's end after that of its events."""
        eos = np.full(len(blocks), self.model.vocabulary.eos, dtype=np.int32)
        contexts = self.blocks.contexts[[block.slot for block in blocks]]
        one = np.ones(len(blocks), dtype=np.int64)
        stream, first = window_stream(contexts, eos, one)
        ends = scorer.score(WindowIndex(stream, first, one, lengths, scorer.window_size))
        total = len(records) + len(blocks)
        is_end = np.zeros(total, dtype=bool)
        is_end[np.cumsum(lengths + 1) - 1] = True
        nll, rank = np.empty(total, dtype=np.float32), np.empty(total, dtype=np.int64)
        token = np.full(total, self.model.vocabulary.eos)
        nll[is_end], rank[is_end] = ends.nll, ends.rank
        nll[~is_end], rank[~is_end], token[~is_end] = records["nll"], records["rank"], records["token"]
        predicted = ~np.isnan(nll)
        counts = np.add.reduceat(predicted, np.cumsum(lengths + 1) - lengths - 1, dtype=np.int64)
        unseen = token == self.model.vocabulary.unk
        return EventSurprise(
            nll[predicted],
            nll[predicted],
            rank[predicted],
            unseen[predicted],
            np.concatenate(([0], np.cumsum(counts))),
            lengths + 1 - counts,
        )

    def _alerts(self, cases: Sequence[Case]) -> list[Alert]:
        if not cases:
            return []
        sessions = [case.block.tokens for case in cases]
        probabilities = self.model.scorer.probabilities(sessions, [case.place for case in cases])
        return [
            self._alert(case, tokens, expected)
            for case, tokens, expected in zip(cases, sessions, probabilities, strict=True)
        ]

    def _alert(self, case: Case, tokens: NDArray[np.int32], probabilities: NDArray[np.float64]) -> Alert:
        model, records, place = self.model, case.block.records, case.place
        names, templates = model.vocabulary.tokens, model.templates
        is_open = case.reason == CERTAIN
        if place == len(tokens):
            key = names[model.vocabulary.eos]
        elif tokens[place] == model.vocabulary.unk and records["key"][place] >= 0:
            key = str(records["key"][place])
        else:
            key = names[tokens[place]]
        unseen = case.nll == UNSEEN_NLL
        template = template_of(key, templates)
        return Alert(
            block=case.block.id,
            score_name=model.judge.main,
            score=case.score,
            threshold=model.judge.threshold,
            status="open" if is_open else "closed",
            reason=case.reason,
            events=place + 1 if is_open else len(tokens),
            first_time=self._time(case.block.first_time),
            last_time=self._time(case.last_time),
            surprise=Surprise(place + 1, key, template, case.nll, case.rank, unseen),
            expected=best_guesses(probabilities, names, templates),
            counts=() if is_open else model.odd_counts(tokens),
            lines=self._lines(case.block, records, min(place, len(tokens) - 1)),
        )

    def _lines(self, block: OpenBlock, records: NDArray[np.void], last: int) -> tuple[LineRef, ...]:
        found = []
        for place in range(max(last - _LINES_SHOWN + 1, 0), last + 1):
            file, offset = int(records["file"][place]), int(records["offset"][place])
            text = block.text(place)
            if text is None:
                text = self.read_line(file, offset)
            found.append(LineRef(place + 1, self.file_name, offset, text))
        return tuple(found)

    def _time(self, microseconds: int) -> str | None:
        return None if microseconds == NO_TIME else iso_time(microseconds, with_year=self.model.says_year)
