"""Running text in a report: shaded by surprise, with entities marked, or with a tag under each word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from seqlab.data.tags import OUTSIDE, entity_spans, tag_names, tag_types
from seqlab.report.alerts import surprise_level, surprise_steps
from seqlab.report.page import fill
from seqlab.report.tables import format_number

_COLORS = 6  # --series-1 to --series-6 of page.css
Entity = tuple[int, int, str]  # first token, one past the last, type


def shaded_text(pieces: Sequence[str], surprise: Sequence[float], unit: str) -> Markup:
    """A passage as it is written, each piece on a ground as dark as its surprise; line breaks are shown.

    Args:
        pieces: (N,) what each token adds to the text.
        surprise: (N,) nats; NaN for a token that nothing predicted.
        unit: what a token is called.
    """
    levels = [surprise_level(float(nats)) for nats in surprise]
    shown = [  # a break has no ground of its own to shade
        (piece.replace("\n", "↵\n") if level else piece, level, format_number(nats, digits=3))
        for piece, level, nats in zip(pieces, levels, surprise, strict=True)
    ]
    return fill("sentences", show="surprise", pieces=shown, unit=unit, steps=surprise_steps())


@dataclass(frozen=True)
class TaggedSentence:
    """T tokens with the tags they should have and those they got."""

    tokens: Sequence[str]  # (T,)
    gold: Sequence[str]  # (T,)
    predicted: Sequence[str]  # (T,)

    @property
    def is_wrong(self) -> bool:
        return tuple(self.gold) != tuple(self.predicted)

    @property
    def has_entity(self) -> bool:
        """Gold or predicted, in BIO tags."""
        return any(tag != OUTSIDE for tag in (*self.gold, *self.predicted))


def choose(
    sentences: Sequence[TaggedSentence],
    wanted: Callable[[TaggedSentence], bool],
    limit: int,
    *,
    seed: int = 0,
) -> list[TaggedSentence]:
    """A random choice, in their own order, among the sentences that are wanted."""
    places = [place for place, each in enumerate(sentences) if wanted(each)]
    if len(places) > limit:
        places = np.sort(np.random.default_rng(seed).choice(places, limit, replace=False)).tolist()
    return [sentences[place] for place in places]


def entities_of(tags: Sequence[str]) -> list[Entity]:
    """The entities of one sentence's BIO tags."""
    types = sorted(tag_types(tags))
    numbers = {name: number for number, name in enumerate(tag_names(types))}
    is_first = np.arange(len(tags)) == 0
    spans = entity_spans(np.array([numbers[tag] for tag in tags]), is_first)
    return [
        (start, end, types[kind]) for start, end, kind in zip(*(part.tolist() for part in spans), strict=True)
    ]


def entities_block(sentences: Sequence[TaggedSentence], types: Sequence[str]) -> Markup:
    """Sentences with their entities; one row where gold and prediction agree, two where they differ.

    Every entity is labelled with its type and differs by its frame: color alone tells nothing.

    Args:
        types: in the order that gives them their colors; the seventh has the first one's color again.
    """
    if not sentences:
        return Markup("<p>No sentence to show.</p>")
    tones = {kind: place % _COLORS + 1 for place, kind in enumerate(types)}
    cards = []
    for each in sentences:
        gold, predicted = entities_of(each.gold), entities_of(each.predicted)
        rows = {"both": gold} if gold == predicted else {"gold": gold, "predicted": predicted}
        shared = set(gold) & set(predicted)
        cards.append([(who, _marked(each.tokens, found, shared, tones)) for who, found in rows.items()])
    return fill("sentences", show="entities", sentences=cards)


def _marked(
    tokens: Sequence[str], found: list[Entity], shared: set[Entity], tones: Mapping[str, int]
) -> list[tuple[str, tuple[str, int], str]]:
    """Type, its class and color, and text of what follows each other; no type for words outside entities."""
    parts: list[tuple[str, tuple[str, int], str]] = []
    place = 0
    for entity in found:
        start, end, kind = entity
        parts += [("", ("", 0), token) for token in tokens[place:start]]
        frame = "right" if entity in shared else "wrong"
        parts.append((kind, (frame, tones[kind]), " ".join(tokens[start:end])))
        place = end
    return parts + [("", ("", 0), token) for token in tokens[place:]]


def words_block(sentences: Sequence[TaggedSentence]) -> Markup:
    """Sentences with each word above its plain tag; wrong tags are marked."""
    if not sentences:
        return Markup("<p>No tag is wrong.</p>")
    words = [list(zip(each.tokens, each.gold, each.predicted, strict=True)) for each in sentences]
    return fill("sentences", show="tags", sentences=words)
