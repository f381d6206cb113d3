"""What tags mean: BIO tags mark entities, plain tags stand for themselves, as parts of speech do."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from seqlab.errors import UserError

AUTO = "auto"
OUTSIDE = "O"
_TAG = re.compile(r"O|[BIESMLU]-\S+")
_AS_BIO = str.maketrans("SUMEL", "BBIII")  # letters of IOBES, BILOU and BMES


def is_tag(text: str) -> bool:
    """Whether a text is ``O`` or ``B-type``, ``I-type`` or one of their like in IOBES, BILOU and BMES."""
    return _TAG.fullmatch(text) is not None


def tag_names(types: Iterable[str]) -> tuple[str, ...]:
    """The 2K + 1 tags of K entity types: ``O`` is 0, type k has ``B-`` at 2k + 1 and ``I-`` at 2k + 2."""
    return (OUTSIDE, *(f"{part}-{kind}" for kind in types for part in "BI"))


def tag_types(tags: Iterable[str]) -> set[str]:
    """The entity types that some tags name."""
    return {tag[2:] for tag in tags if tag != OUTSIDE}


def to_bio(tags: Sequence[str], firsts: Iterable[int]) -> tuple[list[str], int]:
    """Tags that ``is_tag`` accepts as BIO tags, and how many were repaired.

    An ``I-type`` that continues no entity of its type becomes ``B-type``; IOB1 begins entities so.

    Args:
        firsts: places where a sentence begins.
    """
    begins, before, repaired = set(firsts), OUTSIDE, 0
    found: list[str] = []
    for place, tag in enumerate(tags):
        letter = tag[0].translate(_AS_BIO)
        if letter == "I" and (place in begins or before[2:] != tag[2:] or before[0] in "ESLU"):
            letter, repaired = "B", repaired + 1
        found.append(letter + tag[1:])
        before = tag
    return found, repaired


class Spans(NamedTuple):
    """M entities in the order of the text."""

    starts: NDArray[np.int64]  # (M,) place of the first token
    ends: NDArray[np.int64]  # (M,) one past the last token
    types: NDArray[np.int64]  # (M,) entity type number


def entity_spans(tags: NDArray[np.integer], is_first: NDArray[np.bool_]) -> Spans:
    """The entities of a run of sentences, read as seqeval's default mode (and conlleval) reads them.

    An entity begins at each ``B-``, and at an ``I-`` that continues no entity of its type.

    Args:
        tags: (N,) tag ids in the order of ``tag_names``.
        is_first: (N,) True where a sentence begins.
    """
    kinds = (np.asarray(tags, dtype=np.int64) + 1) // 2 - 1  # -1 for O
    inside = (np.asarray(tags) > 0) & (np.asarray(tags) % 2 == 0)
    before = np.concatenate(([-1], kinds[:-1]))
    continues = inside & ~is_first & (kinds == before)
    starts = np.flatnonzero((kinds >= 0) & ~continues)
    stops = np.append(np.flatnonzero(~continues), len(kinds))
    return Spans(starts, stops[np.searchsorted(stops, starts + 1)], kinds[starts])


def count_entities(
    gold: NDArray[np.integer], predicted: NDArray[np.integer], is_first: NDArray[np.bool_], num_types: int
) -> NDArray[np.int64]:
    """(3, K) entities by type: found with exact bounds and type, predicted, and gold."""
    found = matched_entities(gold, predicted, is_first)
    return np.stack([np.bincount(kinds, minlength=num_types) for _, kinds in found])


Places = tuple[NDArray[np.int64], NDArray[np.int64]]  # (M,) places of tokens, and (M,) what stands there


def matched_entities(
    gold: NDArray[np.integer], predicted: NDArray[np.integer], is_first: NDArray[np.bool_]
) -> tuple[Places, Places, Places]:
    """First tokens and types of the entities found with exact bounds and type, predicted, and gold."""
    true, guessed = entity_spans(gold, is_first), entity_spans(predicted, is_first)
    size = len(gold) + 1
    num_types = int(max(true.types.max(initial=0), guessed.types.max(initial=0))) + 1
    true_keys = (true.starts * size + true.ends) * num_types + true.types
    guessed_keys = (guessed.starts * size + guessed.ends) * num_types + guessed.types
    is_hit = np.isin(guessed_keys, true_keys)
    hits = guessed.starts[is_hit], guessed.types[is_hit]
    return hits, (guessed.starts, guessed.types), (true.starts, true.types)


class TagScheme:
    """The coder of tags: their numbers, of which those that training lacks come last."""

    key: ClassVar[str]  # of SCHEMES
    noun: ClassVar[str]  # what one kind is called in the plural: entity types, tags
    count_noun: ClassVar[str]  # what is counted of each kind: entities, tokens
    unseen_note: ClassVar[str]  # what becomes of kinds that training lacks

    def __init__(self, kinds: Sequence[str], unseen: Sequence[str] = ()) -> None:
        self.kinds = tuple(kinds)  # entity types or tags of training, in the order of their numbers
        self.names = self.names_of([*kinds, *unseen])  # every tag by its id
        self.num_tags = len(self.names_of(kinds))  # of training: a network knows their ids alone
        self._ids = {name: number for number, name in enumerate(self.names)}

    def encode(self, tags: Iterable[str]) -> list[int]:
        """The ids of some tags; those that training lacks are ``num_tags`` or more."""
        return [self._ids[tag] for tag in tags]

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint; ``scheme_from_state`` reads them back."""
        return {"scheme": self.key, "kinds": list(self.kinds)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        return cls(state["kinds"])

    @classmethod
    def of(cls, train: Sequence[str], others: Iterable[Sequence[str]]) -> Self:
        """From the tags of training and of the other splits.

        Raises:
            UserError: training tags that nothing can be learned from.
        """
        counts = cls.kinds_of(train)
        unseen = set().union(*(cls.kinds_of(tags) for tags in others)) - set(counts)
        return cls(cls.ordered(counts), sorted(unseen))

    @staticmethod
    @abstractmethod
    def ordered(counts: Counter[str]) -> list[str]:
        """The kinds of training in the order of their numbers; raises where nothing can be learned."""

    @staticmethod
    @abstractmethod
    def names_of(kinds: Sequence[str]) -> tuple[str, ...]:
        """Every tag of some kinds by its id."""

    @staticmethod
    @abstractmethod
    def kinds_of(tags: Iterable[str]) -> Counter[str]:
        """How often each kind occurs among some tags: entities by type, tokens by tag."""

    @staticmethod
    @abstractmethod
    def describe(tags: Sequence[str]) -> str:
        """The tags of a split in a few words, for the report; begins with a space."""


class BioTags(TagScheme):
    """``O`` is 0, entity type k has ``B-`` at 2k + 1 and ``I-`` at 2k + 2."""

    key = "bio"
    noun = "entity types"
    count_noun = "entities"
    unseen_note = "they cannot be found and count as missed"

    @staticmethod
    def names_of(kinds: Sequence[str]) -> tuple[str, ...]:
        return tag_names(kinds)

    @staticmethod
    def ordered(counts: Counter[str]) -> list[str]:
        if not counts:
            raise UserError(
                "the training sentences hold no entity: every tag is O, there is nothing to learn"
            )
        return sorted(counts)

    @staticmethod
    def kinds_of(tags: Iterable[str]) -> Counter[str]:
        return Counter(tag[2:] for tag in tags if tag.startswith("B-"))

    @staticmethod
    def describe(tags: Sequence[str]) -> str:
        begins = sum(tag.startswith("B-") for tag in tags)
        outside = sum(tag == OUTSIDE for tag in tags) / len(tags)
        return f" ({outside:.1%} outside) and {begins:,} entities"


class PlainTags(TagScheme):
    """One number a tag, the most frequent of training first: it stands in for tags that training lacks."""

    key = "plain"
    noun = "tags"
    count_noun = "tokens"
    unseen_note = "they cannot be predicted and count as wrong"

    @staticmethod
    def names_of(kinds: Sequence[str]) -> tuple[str, ...]:
        return tuple(kinds)

    @staticmethod
    def kinds_of(tags: Iterable[str]) -> Counter[str]:
        return Counter(tags)

    @staticmethod
    def ordered(counts: Counter[str]) -> list[str]:
        if len(counts) < 2:
            raise UserError(
                f"every training token has the tag {next(iter(counts))!r}: there is nothing to learn; read "
                "another column with data.tag_column="
            )
        return sorted(counts, key=lambda tag: (-counts[tag], tag))

    @staticmethod
    def describe(tags: Sequence[str]) -> str:
        return f" of {len(set(tags)):,} tags"


SCHEMES: dict[str, type[TagScheme]] = {"bio": BioTags, "plain": PlainTags}


def scheme_from_state(state: dict[str, Any]) -> TagScheme:
    """The scheme whose ``state`` a checkpoint's data holds."""
    return SCHEMES[state["scheme"]].from_state(state)


def looks_bio(tags: Iterable[str]) -> bool:
    """Whether tags are meant as BIO: of those other than O half or more read ``B-type`` or its like.

    Tags of which only some do are mistakes in a BIO file, which reading it as BIO names with their line.
    """
    others = [tag for tag in tags if tag != OUTSIDE]
    return 2 * sum(map(is_tag, others)) >= len(others)
