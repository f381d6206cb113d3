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
# letters that may stand together: begin, inside or middle, end or last, single or unit
LETTERS = {"BIO": set("BI"), "IOBES": set("BIES"), "BILOU": set("BILU"), "BMES": set("BMES")}
_INSIDE = "IMEL"


def is_tag(text: str) -> bool:
    """Whether a text is ``O`` or a tag of one of LETTERS, such as ``B-type``."""
    return _TAG.fullmatch(text) is not None


def tag_names(types: Iterable[str]) -> tuple[str, ...]:
    """The 2K + 1 tags of K entity types: ``O`` is 0, type k has ``B-`` at 2k + 1 and ``I-`` at 2k + 2."""
    return (OUTSIDE, *(f"{part}-{kind}" for kind in types for part in "BI"))


def tag_types(tags: Iterable[str]) -> set[str]:
    """The entity types that some tags name."""
    return {tag[2:] for tag in tags if tag != OUTSIDE}


def prefixes(tags: Iterable[str]) -> set[str]:
    """The letters before the types."""
    return {tag[0] for tag in tags if tag != OUTSIDE}


def letters_of(tags: Iterable[str]) -> str | None:
    """The first of LETTERS that has all those of some tags; None where none has."""
    letters = prefixes(tags)
    return next((name for name, known in LETTERS.items() if letters <= known), None)


def to_bio(tags: Iterable[str]) -> list[str]:
    """Tags of any of LETTERS as BIO tags; those that ``stray_inside`` finds stay inside."""
    return [tag if tag == OUTSIDE else ("I" if tag[0] in _INSIDE else "B") + tag[1:] for tag in tags]


def stray_inside(tags: Sequence[str], firsts: Sequence[int]) -> list[int]:
    """Places whose tag should continue an entity and continues nothing: no tag of its type that leaves an
    entity open stands before it.

    Args:
        tags: of any of LETTERS, of all sentences, one after the other.
        firsts: places where a sentence begins.
    """
    begins = set(firsts)
    return [
        place
        for place, tag in enumerate(tags)
        if tag[0] in _INSIDE
        and (place in begins or tags[place - 1][2:] != tag[2:] or tags[place - 1][0] in "ESLU")
    ]


def is_iob1(tags: Sequence[str], firsts: Sequence[int]) -> bool:
    """Whether ``B-type`` stands only after an entity of its type (Ramshaw and Marcus, 1995)."""
    begins = set(firsts)
    return all(
        place not in begins and tags[place - 1][2:] == tag[2:]
        for place, tag in enumerate(tags)
        if tag[0] == "B"
    )


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
    true, guessed = entity_spans(gold, is_first), entity_spans(predicted, is_first)
    size = len(gold) + 1
    true_keys = (true.starts * size + true.ends) * num_types + true.types
    guessed_keys = (guessed.starts * size + guessed.ends) * num_types + guessed.types
    hits = guessed.types[np.isin(guessed_keys, true_keys)]
    return np.stack([np.bincount(kinds, minlength=num_types) for kinds in (hits, guessed.types, true.types)])


class TagScheme:
    """The coder of tags: their numbers, of which those that training lacks come last.

    Args:
        kinds: entity types or tags of training, in the order of their numbers.
        unseen: those of other splits.
    """

    key: ClassVar[str]  # of SCHEMES
    noun: ClassVar[str]  # what one kind is called in the plural: entity types, tags
    count_noun: ClassVar[str]  # what is counted of each kind: entities, tokens
    unseen_note: ClassVar[str]  # what becomes of kinds that training lacks

    def __init__(self, kinds: Sequence[str], unseen: Sequence[str] = ()) -> None:
        self.kinds = tuple(kinds)
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
    @abstractmethod
    def of(cls, train: Sequence[str], others: Iterable[Sequence[str]]) -> Self:
        """From the tags of training and of the other splits.

        Raises:
            UserError: training tags that nothing can be learned from.
        """

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

    @classmethod
    def of(cls, train: Sequence[str], others: Iterable[Sequence[str]]) -> Self:
        types = tag_types(train)
        if not types:
            raise UserError(
                "the training sentences hold no entity: every tag is O, there is nothing to learn"
            )
        unseen = set().union(*(tag_types(tags) for tags in others)) - types
        return cls(sorted(types), sorted(unseen))

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

    @classmethod
    def of(cls, train: Sequence[str], others: Iterable[Sequence[str]]) -> Self:
        counts = Counter(train)
        if len(counts) < 2:
            raise UserError(
                f"every training token has the tag {next(iter(counts))!r}: there is nothing to learn; read "
                "another column with data.tag_column="
            )
        unseen = set().union(*map(set, others)) - set(counts)
        return cls(sorted(counts, key=lambda tag: (-counts[tag], tag)), sorted(unseen))

    @staticmethod
    def kinds_of(tags: Iterable[str]) -> Counter[str]:
        return Counter(tags)

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
