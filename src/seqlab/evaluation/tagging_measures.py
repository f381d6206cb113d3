"""What a tagger's figures are: exact entities for BIO tags, right tokens for plain tags; and baselines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from seqlab.data.tagged import TaggedSentences
from seqlab.data.tags import OUTSIDE, BioTags, Places, TagScheme, entity_spans, matched_entities, tag_types
from seqlab.evaluation.counted import most_frequent
from seqlab.tasks.class_counts import (
    ClassFigures,
    EntityCounts,
    TagCounts,
    plain_figures,
    tagging_figures,
)

Ids = NDArray[np.int64]


class EntityMeasures:
    """Entities, right where both bounds and the type are."""

    figures: ClassVar[tuple[str, ...]] = EntityCounts.figures  # keys of metrics.json
    main: ClassVar[str] = EntityCounts.main  # the one of them that a tagger is judged by
    columns: ClassVar[tuple[str, ...]] = ("entity F1", "precision", "recall", "token acc.")
    kind_figure: ClassVar[str] = "entity_f1"  # key of the F1 of one entity type
    notes: ClassVar[list[tuple[str, str]]] = [
        ("entity F1", "an entity counts where both bounds and the type are exact; all types together"),
        ("seen_entities", "the longest run of words that was an entity in training; 0 where all are new"),
        ("token acc.", "most tokens are O, so that O everywhere is already high"),
    ]

    def __init__(self, scheme: TagScheme) -> None:
        self.scheme = scheme

    def measure(self, gold: Ids, predicted: Ids, is_first: NDArray[np.bool_]) -> dict[str, float]:
        """``figures`` of (N,) tag ids of a whole split."""
        return tagging_figures(gold, predicted, is_first)

    def in_words(self, right: int, predicted: int, gold: int, where: str) -> str:
        """The counts as a newcomer reads them."""
        exact = f"{right:,} of {gold:,} entities {where}, bounds and type exact"
        return f"{exact}; {predicted - right:,} others were named wrongly"

    def matched(
        self, gold: Ids, predicted: Ids, is_first: NDArray[np.bool_]
    ) -> tuple[Places, Places, Places]:
        """Places and numbers of ``kinds`` of what is right, predicted and gold."""
        return matched_entities(gold, predicted, is_first)

    def counts(self, gold: Ids, predicted: Ids, is_first: NDArray[np.bool_]) -> Ids:
        """(3, K) right, predicted and gold, by entity type or tag, in the order of ``kinds``."""
        found, size = self.matched(gold, predicted, is_first), len(self.kinds())
        return np.stack([np.bincount(kinds, minlength=size) for _, kinds in found])

    def drawn(self, counts: NDArray[np.float64], accuracy: NDArray[np.float64]) -> dict[str, Any]:
        """``figures`` of R draws: of (R, 3, K) counts and the (R,) shares of right tokens."""
        found = ClassFigures.from_counts(*counts.sum(axis=2).T)._asdict()
        return {f"entity_{name}": values for name, values in found.items()} | {"token_accuracy": accuracy}

    def support(self, gold: Ids, num_sentences: int) -> dict[str, int]:
        """What ``figures`` rest on, of (K,) counts in gold."""
        return dict.fromkeys(self.figures, int(gold.sum())) | {"token_accuracy": num_sentences}

    def kinds(self) -> list[str]:
        """The entity types or tags, those that training lacks last."""
        return [name[2:] for name in self.scheme.names[1::2]]

    def baselines(self, train: TaggedSentences) -> tuple[Baseline, ...]:
        """What needs no network."""
        return MostFrequentTag(train), SeenEntities(train), OneTag("always_o", OUTSIDE)


class PlainMeasures(EntityMeasures):
    """Tokens with the right tag."""

    figures = TagCounts.figures
    main = TagCounts.main
    columns = ("accuracy", "macro F1")
    kind_figure = "f1"
    notes: ClassVar[list[tuple[str, str]]] = [
        ("accuracy", "share of the tokens with the right tag, punctuation counted"),
        ("macro F1", "the mean over tags, rare ones as heavy as frequent ones"),
        (
            "most_frequent_tag",
            "a word's most frequent training tag; a new word's is that of its longest known ending, up to 3 "
            "letters",
        ),
    ]

    def measure(self, gold: Ids, predicted: Ids, is_first: NDArray[np.bool_]) -> dict[str, float]:
        return plain_figures(gold, predicted, self.scheme.num_tags)

    def in_words(self, right: int, predicted: int, gold: int, where: str) -> str:
        return f"{right:,} of {gold:,} tokens {where} ({right / max(gold, 1):.1%})"

    def matched(
        self, gold: Ids, predicted: Ids, is_first: NDArray[np.bool_]
    ) -> tuple[Places, Places, Places]:
        right = np.flatnonzero(gold == predicted)
        everywhere = np.arange(len(gold))
        return (right, gold[right]), (everywhere, predicted), (everywhere, gold)

    def drawn(self, counts: NDArray[np.float64], accuracy: NDArray[np.float64]) -> dict[str, Any]:
        # all tags that training lacks are one class here
        firsts = np.arange(min(self.scheme.num_tags + 1, counts.shape[2]))
        right, predicted, gold = np.add.reduceat(counts, firsts, axis=2).swapaxes(0, 1)
        occurs = predicted + gold > 0
        f1 = ClassFigures.from_counts(right, predicted, gold).f1.sum(axis=1, where=occurs)
        return {"accuracy": accuracy, "macro_f1": f1 / np.maximum(occurs.sum(axis=1), 1)}

    def support(self, gold: Ids, num_sentences: int) -> dict[str, int]:
        return {"accuracy": num_sentences, "macro_f1": int(gold[gold > 0].min())}

    def kinds(self) -> list[str]:
        return list(self.scheme.names)

    def baselines(self, train: TaggedSentences) -> tuple[Baseline, ...]:
        by_ending = MostFrequentTagOrEnding(train)
        return by_ending, OneTag("majority_tag", by_ending.majority)


MEASURES = {"bio": EntityMeasures, "plain": PlainMeasures}  # by the scheme of the tags


class Baseline(Protocol):
    """Tags without a network."""

    name: str

    def predict(self, sentences: TaggedSentences) -> list[str]:
        """(N,) tags of the sentences' tokens."""


class OneTag:
    """The same tag everywhere: what token accuracy is worth."""

    def __init__(self, name: str, tag: str) -> None:
        self.name, self.tag = name, tag

    def predict(self, sentences: TaggedSentences) -> list[str]:
        return [self.tag] * len(sentences.tokens)


class MostFrequentTag:
    """Each word gets the tag it had most often in training, a new word O; ties go to the tag met first."""

    name = "most_frequent_tag"

    def __init__(self, train: TaggedSentences) -> None:
        self.tags = most_frequent(zip(train.tokens, train.tags, strict=True))

    def predict(self, sentences: TaggedSentences) -> list[str]:
        return [self.tags.get(token) or self.unknown(token) for token in sentences.tokens]

    def unknown(self, token: str) -> str:
        """The tag of a word that training lacks."""
        return OUTSIDE


class MostFrequentTagOrEnding(MostFrequentTag):
    """As MostFrequentTag; a new word gets the most frequent tag of its longest ending that training has.

    Endings are 3, 2 or 1 letters of the distinct training words; without any of them the most frequent tag of
    all is taken.
    """

    LONGEST = 3

    def __init__(self, train: TaggedSentences) -> None:
        super().__init__(train)
        self.endings = most_frequent(
            (token[-length:], tag)
            for token, tag in self.tags.items()
            for length in range(1, self.LONGEST + 1)
        )
        self.majority = Counter(train.tags).most_common(1)[0][0]

    def unknown(self, token: str) -> str:
        endings = (token[-length:] for length in range(self.LONGEST, 0, -1))
        return next((self.endings[part] for part in endings if part in self.endings), self.majority)


class SeenEntities:
    """The longest run of words that was an entity in training, with its most frequent type there."""

    name = "seen_entities"

    def __init__(self, train: TaggedSentences) -> None:
        self.types = most_frequent(_entities(train))
        self.longest = max(map(len, self.types), default=0)

    def predict(self, sentences: TaggedSentences) -> list[str]:
        return [
            tag for number in range(len(sentences)) for tag in self._sentence(sentences.sentence(number)[0])
        ]

    def _sentence(self, tokens: tuple[str, ...]) -> list[str]:
        tags: list[str] = []
        while len(tags) < len(tokens):
            start = len(tags)
            for length in range(min(self.longest, len(tokens) - start), 0, -1):
                kind = self.types.get(tokens[start : start + length])
                if kind is not None:
                    tags += [f"B-{kind}", *[f"I-{kind}"] * (length - 1)]
                    break
            else:
                tags.append(OUTSIDE)
        return tags


def _entities(sentences: TaggedSentences) -> Iterator[tuple[tuple[str, ...], str]]:
    """The words of each entity, and its type."""
    scheme = BioTags(sorted(tag_types(sentences.tags)))
    spans = entity_spans(np.array(scheme.encode(sentences.tags)), sentences.is_first)
    for start, end, kind in zip(*(part.tolist() for part in spans), strict=True):
        yield sentences.tokens[start:end], scheme.kinds[kind]
