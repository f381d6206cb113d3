"""One block's events in their order, how surprising each was, and what was expected in its place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.alert import Guess, best_guesses, counts_as_json, template_of
from seqlab.alerts.models import Model
from seqlab.alerts.remembered import WindowScorer
from seqlab.data.vocabulary import EOS_TOKEN
from seqlab.data.windows import index_windows
from seqlab.detection.surprise import UNSEEN_NLL, EventSurprise
from seqlab.errors import UserError


@dataclass(frozen=True)
class BlockEvent:
    """An event as it was found, before anything scored it."""

    key: str
    time: str | None = None
    file: str | None = None
    offset: int | None = None  # byte where its line begins
    text: str | None = None


@dataclass(frozen=True)
class TimelineEvent:
    """An event, or the block's end."""

    position: int  # from 1; for the end, one more than there are events
    key: str
    template: str
    time: str | None
    nll: float | None  # nats; None where the model predicts nothing: see data.context
    rank: int | None
    unseen: bool  # a key that training never showed
    expected: tuple[Guess, ...]
    file: str | None
    offset: int | None
    text: str | None


@dataclass(frozen=True)
class Timeline:
    """A block, event by event."""

    block: str
    score_name: str
    score: float
    threshold: float
    counts: tuple[
        tuple[str, str, int], ...
    ]  # key, template, how many more than in the nearest training block
    events: tuple[TimelineEvent, ...]  # its end is the last

    @property
    def is_alert(self) -> bool:
        return self.score > self.threshold

    @property
    def worst(self) -> int:
        """Place of the most surprising event."""
        values = [-1.0 if event.nll is None else event.nll for event in self.events]
        return int(np.argmax(values))

    def to_json(self) -> str:
        """One object."""
        content: dict[str, Any] = {"kind": "timeline", "alert": self.is_alert} | asdict(self)
        content["counts"] = counts_as_json(self.counts)
        return json.dumps(content, ensure_ascii=False, allow_nan=False)


def timeline(model: Model, block: str, found: Sequence[BlockEvent]) -> Timeline:
    """Score the events of one block.

    Raises:
        UserError: no events.
    """
    if not found:
        raise UserError(f"block {block} has no events")
    vocabulary = model.vocabulary
    tokens = np.asarray(vocabulary.ids(event.key for event in found), dtype=np.int32)
    lengths = np.array([len(tokens)], dtype=np.int64)
    events = _surprise(model, tokens, lengths)
    first = int(events.first_key[0])
    blind = [None] * first
    nll: list[float | None] = [*blind, *events.nll.tolist()]
    rank: list[int | None] = [*blind, *events.rank.tolist()]
    places = list(range(len(tokens) + 1))
    probabilities = model.scorer.probabilities([tokens] * len(places), places)
    ends = BlockEvent(EOS_TOKEN)
    rows = tuple(
        TimelineEvent(
            place + 1,
            event.key,
            template_of(event.key, model.templates),
            event.time,
            nll[place],
            rank[place],
            nll[place] == UNSEEN_NLL,
            best_guesses(probabilities[place], vocabulary.tokens, model.templates),
            event.file,
            event.offset,
            event.text,
        )
        for place, event in enumerate([*found, ends])
    )
    judge = model.judge
    score = float(judge.scores(events, tokens, lengths)[0])
    return Timeline(block, judge.main, score, judge.threshold, model.odd_counts(tokens), rows)


def _surprise(model: Model, tokens: NDArray[np.int32], lengths: NDArray[np.int64]) -> EventSurprise:
    scorer = model.scorer
    if not isinstance(scorer, WindowScorer):
        return scorer.surprise(tokens, lengths)
    index = index_windows(tokens, lengths, model.vocabulary, scorer.window_size, scorer.context)
    scored = scorer.score(index)
    targets = index.stream[index.positions()]
    return EventSurprise(
        scored.nll,
        scored.nll,
        scored.rank,
        targets == model.vocabulary.unk,
        np.concatenate(([0], np.cumsum(index.num_targets))),
        index.first_key,
    )
