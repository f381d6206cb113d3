"""What tags mean: BIO tags mark entities, plain tags stand for themselves, as parts of speech do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol

from seqlab.data.bio import OUTSIDE, is_tag, tag_names, tag_types
from seqlab.errors import UserError

SCHEMES = ("bio", "plain")
AUTO = "auto"


class TagScheme(Protocol):
    """The tags of a data set and their numbers; those that training lacks come last."""

    key: ClassVar[str]  # one of SCHEMES
    noun: ClassVar[str]  # what one kind is called in the plural: entity types, tags
    count_noun: ClassVar[str]  # what is counted of each kind: entities, tokens
    unseen_note: ClassVar[str]  # what becomes of kinds that training lacks
    kinds: tuple[str, ...]  # those of training
    names: tuple[str, ...]  # every tag by its id
    num_tags: int  # tags of training: a network knows their ids alone

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint; ``scheme_from_state`` reads them back."""

    @classmethod
    def of(cls, train: Sequence[str], others: Iterable[Sequence[str]]) -> TagScheme:
        """From the tags of training and of the other splits.

        Raises:
            UserError: training tags that nothing can be learned from.
        """

    @staticmethod
    def kinds_of(tags: Iterable[str]) -> Counter[str]:
        """How often each kind occurs among some tags: entities by type, tokens by tag."""

    @staticmethod
    def describe(tags: Sequence[str]) -> str:
        """The tags of a split in a few words, for the report; begins with a space."""


class BioTags:
    """``O`` is 0, entity type k has ``B-`` at 2k + 1 and ``I-`` at 2k + 2."""

    key: ClassVar[str] = "bio"
    noun: ClassVar[str] = "entity types"
    count_noun: ClassVar[str] = "entities"
    unseen_note: ClassVar[str] = "they cannot be found and count as missed"

    def __init__(self, types: Sequence[str], unseen: Sequence[str] = ()) -> None:
        self.kinds = tuple(types)
        self.names = tag_names([*types, *unseen])
        self.num_tags = 2 * len(types) + 1

    def state(self) -> dict[str, Any]:
        return {"types": list(self.kinds)}

    @classmethod
    def of(cls, train: Sequence[str], others: Iterable[Sequence[str]]) -> BioTags:
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


class PlainTags:
    """One number a tag, the most frequent of training first: it stands in for tags that training lacks."""

    key: ClassVar[str] = "plain"
    noun: ClassVar[str] = "tags"
    count_noun: ClassVar[str] = "tokens"
    unseen_note: ClassVar[str] = "they cannot be predicted and count as wrong"

    def __init__(self, tags: Sequence[str], unseen: Sequence[str] = ()) -> None:
        self.kinds = tuple(tags)
        self.names = (*tags, *unseen)
        self.num_tags = len(tags)

    def state(self) -> dict[str, Any]:
        return {"tags": list(self.kinds)}

    @classmethod
    def of(cls, train: Sequence[str], others: Iterable[Sequence[str]]) -> PlainTags:
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


_BY_KEY: dict[str, type[BioTags] | type[PlainTags]] = {"bio": BioTags, "plain": PlainTags}


def build_scheme(key: str, train: Sequence[str], others: Iterable[Sequence[str]]) -> TagScheme:
    """The scheme of a data set, from the tags of training and of the other splits."""
    return _BY_KEY[key].of(train, list(others))


def scheme_from_state(state: dict[str, Any]) -> TagScheme:
    """The scheme that a checkpoint's data holds."""
    return BioTags(state["types"]) if "types" in state else PlainTags(state["tags"])


def check_scheme(scheme: str) -> str:
    """``data.scheme``, or UserError where it is unknown."""
    if scheme not in (*SCHEMES, AUTO):
        raise UserError(f"data.scheme={scheme}: choose bio, plain or auto")
    return scheme


def looks_bio(tags: Iterable[str]) -> bool:
    """Whether tags are meant as BIO: of those other than O half or more read ``B-type`` or its like.

    Tags of which only some do are mistakes in a BIO file, which reading it as BIO names with their line.
    """
    others = [tag for tag in tags if tag != OUTSIDE]
    return 2 * sum(map(is_tag, others)) >= len(others)
