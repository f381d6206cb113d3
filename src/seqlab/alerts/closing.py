"""Closed blocks are scored to their end; what is suspect becomes an alert with its story."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from seqlab.alerts.alert import Alert, LineRef, Surprise, best_guesses, iso_time, template_of
from seqlab.alerts.blocks import EVENT, OpenBlock
from seqlab.alerts.models import Model
from seqlab.detection.surprise import UNSEEN_NLL

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


def closed_cases(model: Model, closing: Sequence[tuple[OpenBlock, str]]) -> list[Case]:
    """Score S blocks to their end; those above the threshold that were no alert before.

    Args:
        closing: blocks, and why each is closed.
    """
    if not closing:
        return []
    lengths = np.asarray([block.num_events for block, _ in closing], dtype=np.int64)
    records = np.frombuffer(b"".join(block.events for block, _ in closing), EVENT)
    tokens = np.ascontiguousarray(records["token"])
    events = model.scorer.surprise(tokens, lengths)
    scores = model.judge.scores(events, tokens, lengths)
    worst = events.worst_event()
    cases = []
    for number in np.flatnonzero(scores > model.judge.threshold).tolist():
        block, reason = closing[number]
        if not block.alerted:
            place = int(worst[number])
            event = int(events.offsets[number]) + place - int(events.first_key[number])
            nll, rank = float(events.nll[event]), int(events.rank[event])
            cases.append(Case(block, place, nll, rank, float(scores[number]), reason, block.last_time))
    return cases


def alerts_of(
    model: Model, cases: Sequence[Case], read_line: Callable[[int, int], str | None], file_name: str
) -> list[Alert]:
    """Alerts with their lines and what was expected.

    Args:
        read_line: the text of a line by number of its file and offset; None where it is gone.
        file_name: how alerts call the file.
    """
    if not cases:
        return []
    sessions = [np.ascontiguousarray(case.block.records["token"]) for case in cases]
    probabilities = model.scorer.probabilities(sessions, [case.place for case in cases])
    names, with_year = model.vocabulary.tokens, model.says_year
    found = []
    for case, tokens, expected in zip(cases, sessions, probabilities, strict=True):
        block, place, is_open = case.block, case.place, case.reason == CERTAIN
        records, shown = block.records, min(place, len(tokens) - 1)
        key = names[model.vocabulary.eos if place == len(tokens) else tokens[place]]
        if place < len(tokens) and tokens[place] == model.vocabulary.unk and records["key"][place] >= 0:
            key = str(records["key"][place])
        lines = []
        for line in range(max(shown - _LINES_SHOWN + 1, 0), shown + 1):
            offset, text = int(records["offset"][line]), block.text(line)
            if text is None:
                text = read_line(int(records["file"][line]), offset)
            lines.append(LineRef(line + 1, file_name, offset, text))
        template, unseen = template_of(key, model.templates), case.nll == UNSEEN_NLL
        found.append(
            Alert(
                id=block.id,
                block=block.name,
                score_name=model.judge.main,
                score=case.score,
                threshold=model.judge.threshold,
                status="open" if is_open else "closed",
                reason=case.reason,
                events=place + 1 if is_open else len(tokens),
                first_time=iso_time(block.first_time, with_year=with_year),
                last_time=iso_time(case.last_time, with_year=with_year),
                surprise=Surprise(place + 1, key, template, case.nll, case.rank, unseen),
                expected=best_guesses(expected, names, model.templates),
                counts=() if is_open else model.odd_counts(tokens),
                lines=tuple(lines),
            )
        )
    return found
