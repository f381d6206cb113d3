"""One block's events in their order, how surprising each was, and what was expected in its place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from seqlab.alerts.alert import Count, Guess, best_guesses, counts_as_json, template_of
from seqlab.alerts.models import Model
from seqlab.data.vocabulary import EOS_TOKEN
from seqlab.detection.surprise import UNSEEN_NLL


@dataclass(frozen=True)
class BlockEvent:
    """An event as it was found, before anything scored it."""

    key: str
    time: str | None = None
    file: str | None = None
    offset: int | None = None  # byte where its line begins
    text: str | None = None


@dataclass(frozen=True, kw_only=True)
class TimelineEvent(BlockEvent):
    """An event, or the block's end, and how surprising it was."""

    position: int  # from 1; for the end, one more than there are events
    template: str
    nll: float | None  # nats; None where the model predicts nothing: see data.context
    rank: int | None
    unseen: bool  # a key that training never showed
    expected: tuple[Guess, ...]

    @property
    def is_end(self) -> bool:
        return self.key == EOS_TOKEN


@dataclass(frozen=True)
class Timeline:
    """A block, event by event."""

    block: str
    score_name: str
    score: float
    threshold: float
    counts: tuple[Count, ...]
    events: tuple[TimelineEvent, ...]  # its end is the last

    @property
    def is_alert(self) -> bool:
        return self.score > self.threshold

    @property
    def worst(self) -> int:
        """Place of the most surprising event."""
        return int(np.argmax([-1.0 if event.nll is None else event.nll for event in self.events]))

    def to_json(self) -> str:
        """One object."""
        content: dict[str, Any] = {"kind": "timeline", "alert": self.is_alert} | asdict(self)
        content["counts"] = counts_as_json(self.counts)
        return json.dumps(content, ensure_ascii=False, allow_nan=False)


def timeline(model: Model, block: str, found: Sequence[BlockEvent]) -> Timeline:
    """Score the events of one block, which are one or more."""
    vocabulary, judge = model.vocabulary, model.judge
    tokens = np.asarray(vocabulary.ids(event.key for event in found), dtype=np.int32)
    lengths = np.array([len(tokens)], dtype=np.int64)
    events = model.scorer.surprise(tokens, lengths)
    blind = [None] * int(events.first_key[0])
    nll: list[float | None] = [*blind, *events.nll.tolist()]
    rank: list[int | None] = [*blind, *events.rank.tolist()]
    places = range(len(tokens) + 1)
    probabilities = model.scorer.probabilities([tokens] * len(places), places)
    rows = tuple(
        TimelineEvent(
            **vars(event),
            position=place + 1,
            template=template_of(event.key, model.templates),
            nll=nll[place],
            rank=rank[place],
            unseen=nll[place] == UNSEEN_NLL,
            expected=best_guesses(probabilities[place], vocabulary.tokens, model.templates),
        )
        for place, event in enumerate([*found, BlockEvent(EOS_TOKEN)])
    )
    score = float(judge.scores(events, tokens, lengths)[0])
    return Timeline(block, judge.main, score, judge.threshold, model.odd_counts(tokens), rows)
