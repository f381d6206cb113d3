"""What a tagger's figures are: exact entities for BIO tags, right tokens for plain tags."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from seqlab.data.bio import count_entities
from seqlab.data.conll import TaggedSentences
from seqlab.data.tag_schemes import TagScheme
from seqlab.evaluation.tagging_baselines import (
    AlwaysOutside,
    Baseline,
    MajorityTag,
    MostFrequentTag,
    MostFrequentTagOrEnding,
    SeenEntities,
)
from seqlab.tasks.confusion import count_confusion
from seqlab.tasks.entity_counts import EntityCounts, EntityFigures, tagging_figures
from seqlab.tasks.tag_counts import TagCounts, plain_figures

Ids = NDArray[np.int64]


class TagMeasures(Protocol):
    """The figures of one scheme of tags."""

    figures: ClassVar[tuple[str, ...]]  # keys of metrics.json
    main: ClassVar[str]  # the one of them that a tagger is judged by
    columns: ClassVar[tuple[str, ...]]  # their headings
    kind_figure: ClassVar[str]  # key of the F1 of one entity type or tag
    notes: ClassVar[list[tuple[str, str]]]  # what to know of the figures

    def __init__(self, scheme: TagScheme) -> None: ...

    def measure(self, gold: Ids, predicted: Ids, is_first: NDArray[np.bool_]) -> dict[str, float]:
        """``figures`` of (N,) tag ids of a whole split."""

    def counts(self, gold: Ids, predicted: Ids, is_first: NDArray[np.bool_]) -> Ids:
        """(3, K) right, predicted and gold, by entity type or tag, in the order of ``kinds``."""

    def kinds(self) -> list[str]:
        """The entity types or tags, those that training lacks last."""

    def baselines(self, train: TaggedSentences) -> tuple[Baseline, ...]:
        """What needs no network, counted on training sentences."""


class EntityMeasures:
    """Entities, right where both bounds and the type are."""

    figures: ClassVar[tuple[str, ...]] = EntityCounts.figures
    main: ClassVar[str] = EntityCounts.main
    columns: ClassVar[tuple[str, ...]] = ("entity F1", "precision", "recall", "token acc.")
    kind_figure: ClassVar[str] = "entity_f1"
    notes: ClassVar[list[tuple[str, str]]] = [
        ("entity F1", "an entity counts where both bounds and the type are exact; all types together"),
        ("seen_entities", "the longest run of words that was an entity in training; 0 where all are new"),
        ("token acc.", "most tokens are O, so that O everywhere is already high"),
    ]

    def __init__(self, scheme: TagScheme) -> None:
        self.scheme = scheme

    def measure(self, gold: Ids, predicted: Ids, is_first: NDArray[np.bool_]) -> dict[str, float]:
        return tagging_figures(gold, predicted, is_first)

    def counts(self, gold: Ids, predicted: Ids, is_first: NDArray[np.bool_]) -> Ids:
        return count_entities(gold, predicted, is_first, len(self.kinds()))

    def kinds(self) -> list[str]:
        return [name[2:] for name in self.scheme.names[1::2]]

    def baselines(self, train: TaggedSentences) -> tuple[Baseline, ...]:
        return MostFrequentTag(train), SeenEntities(train), AlwaysOutside()


class PlainMeasures:
    """Tokens with the right tag."""

    figures: ClassVar[tuple[str, ...]] = TagCounts.figures
    main: ClassVar[str] = TagCounts.main
    columns: ClassVar[tuple[str, ...]] = ("accuracy", "macro F1")
    kind_figure: ClassVar[str] = "f1"
    notes: ClassVar[list[tuple[str, str]]] = [
        ("accuracy", "share of the tokens with the right tag, punctuation counted"),
        ("macro F1", "the mean over tags, rare ones as heavy as frequent ones"),
        (
            "most_frequent_tag",
            "a word's most frequent training tag; a new word's is that of its longest known ending, up to 3 "
            "letters",
        ),
    ]

    def __init__(self, scheme: TagScheme) -> None:
        self.scheme = scheme

    def measure(self, gold: Ids, predicted: Ids, is_first: NDArray[np.bool_]) -> dict[str, float]:
        return plain_figures(gold, predicted, self.scheme.num_tags)

    def counts(self, gold: Ids, predicted: Ids, is_first: NDArray[np.bool_]) -> Ids:
        confusion = count_confusion(gold, predicted, len(self.scheme.names))
        return np.stack([confusion.diagonal(), confusion.sum(axis=0), confusion.sum(axis=1)])

    def kinds(self) -> list[str]:
        return list(self.scheme.names)

    def baselines(self, train: TaggedSentences) -> tuple[Baseline, ...]:
        return MostFrequentTagOrEnding(train), MajorityTag(train)


_BY_KEY: dict[str, Any] = {"bio": EntityMeasures, "plain": PlainMeasures}


def measures_of(scheme: TagScheme) -> TagMeasures:
    """How tags of a scheme are measured."""
    measures: TagMeasures = _BY_KEY[scheme.key](scheme)
    return measures


def kind_rows(names: list[str], counts: Ids) -> list[tuple[str, EntityFigures, int, int]]:
    """Kind, figures, predicted and gold of (3, K) counts, most frequent in gold first."""
    rows = [
        (name, EntityFigures.from_counts(*each), each[1], each[2])
        for name, each in zip(names, counts.T.tolist(), strict=True)
    ]
    return sorted(rows, key=lambda row: (-row[3], row[0]))
