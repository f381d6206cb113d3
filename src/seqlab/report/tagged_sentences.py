"""Sentences with their entities marked: gold above predicted where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from seqlab.data.tags import OUTSIDE, entity_spans, tag_names, tag_types

_COLORS = 6  # --series-1 to --series-6 of page.css
_STYLE = Markup("""<style>
.tagged { margin-top: 1rem; padding-top: .8rem; border-top: 1px solid var(--line); }
.tagged p { display: grid; grid-template-columns: 5.2rem minmax(0, 1fr); max-width: none; margin: 0 0 .3rem; }
.tagged .who, .tagged-key { color: var(--muted); font-size: .86rem; }
.tagged mark { padding: .06rem .3rem; border: 1px solid var(--tone); border-radius: 3px; color: inherit; }
.tagged mark { background: color-mix(in srgb, var(--tone) 16%, transparent); }
.tagged mark.wrong { border-style: dashed; background: none; text-decoration: underline wavy var(--tone); }
.tagged small { margin-left: .35rem; font-weight: 650; color: var(--tone); }
</style>""")
_KEY = Markup(
    '<p class="tagged-key">A filled box is an entity that gold and prediction share, bounds and type. A '
    "dashed box under <em>gold</em> was missed, one under <em>predicted</em> is not there.</p>"
)


@dataclass(frozen=True)
class TaggedSentence:
    """T tokens with the tags they should have and those they got.

    Raises:
        ValueError: another number of tags than tokens.
    """

    tokens: Sequence[str]  # (T,)
    gold: Sequence[str]  # (T,) BIO tags
    predicted: Sequence[str]  # (T,)

    def __post_init__(self) -> None:
        if not len(self.tokens) == len(self.gold) == len(self.predicted):
            raise ValueError(
                f"{len(self.tokens)} tokens, {len(self.gold)} gold and {len(self.predicted)} predicted tags"
            )


Entity = tuple[int, int, str]  # first token, one past the last, type


def entities_of(tags: Sequence[str]) -> list[Entity]:
    """The entities of one sentence's tags."""
    types = sorted(tag_types(tags))
    numbers = {name: number for number, name in enumerate(tag_names(types))}
    is_first = np.arange(len(tags)) == 0
    spans = entity_spans(np.array([numbers[tag] for tag in tags]), is_first)
    return [
        (start, end, types[kind]) for start, end, kind in zip(*(part.tolist() for part in spans), strict=True)
    ]


def _marked(
    tokens: Sequence[str], found: list[Entity], shared: set[Entity], tones: Mapping[str, int]
) -> Markup:
    parts: list[str] = []
    place = 0
    for entity in found:
        start, end, kind = entity
        parts += [Markup.escape(token) for token in tokens[place:start]]
        parts.append(
            Markup('<mark class="{}" style="--tone: var(--series-{})">{}<small>{}</small></mark>').format(
                "right" if entity in shared else "wrong", tones[kind], " ".join(tokens[start:end]), kind
            )
        )
        place = end
    parts += [Markup.escape(token) for token in tokens[place:]]
    return Markup(" ").join(parts)


def _row(who: str, text: Markup) -> Markup:
    return Markup('<p><span class="who">{}</span><span>{}</span></p>').format(who, text)


def tagged_block(sentences: Sequence[TaggedSentence], types: Sequence[str]) -> Markup:
    """All sentences below each other; one row where gold and prediction agree, two where they differ.

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
        shared = set(gold) & set(predicted)
        if gold == predicted:
            rows = _row("both", _marked(each.tokens, gold, shared, tones))
        else:
            rows = _row("gold", _marked(each.tokens, gold, shared, tones)) + _row(
                "predicted", _marked(each.tokens, predicted, shared, tones)
            )
        cards.append(Markup('<div class="tagged">{}</div>').format(rows))
    return _STYLE + _KEY + Markup("\n").join(cards)


def choose_sentences(
    sentences: Sequence[TaggedSentence], limit: int, *, seed: int = 0
) -> list[TaggedSentence]:
    """A random choice, in their own order, among the sentences that hold an entity, gold or predicted."""
    telling = [
        place
        for place, each in enumerate(sentences)
        if any(tag != OUTSIDE for tag in (*each.gold, *each.predicted))
    ]
    if len(telling) > limit:
        telling = np.sort(np.random.default_rng(seed).choice(telling, limit, replace=False)).tolist()
    return [sentences[place] for place in telling]
