"""BIO tags: which forms there are, which sequences make sense, and where entities begin and end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OUTSIDE = "O"
_TAG = re.compile(r"O|[BIESMLU]-\S+")
# letters that may stand together: begin, inside or middle, end or last, single or unit
SCHEMES = {"BIO": set("BI"), "IOBES": set("BIES"), "BILOU": set("BILU"), "BMES": set("BMES")}
_INSIDE = "IMEL"


def is_tag(text: str) -> bool:
    """Whether a text is ``O`` or a tag of one of SCHEMES, such as ``B-type``."""
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


def scheme_of(tags: Iterable[str]) -> str | None:
    """The first of SCHEMES that has all letters of some tags; None where none has."""
    letters = prefixes(tags)
    return next((name for name, known in SCHEMES.items() if letters <= known), None)


def to_bio(tags: Iterable[str]) -> list[str]:
    """Tags of any of SCHEMES as BIO tags; those that ``stray_inside`` finds stay inside."""
    return [tag if tag == OUTSIDE else ("I" if tag[0] in _INSIDE else "B") + tag[1:] for tag in tags]


def stray_inside(tags: Sequence[str], firsts: Sequence[int]) -> list[int]:
    """Places whose tag should continue an entity and continues nothing: no tag of its type that leaves an
    entity open stands before it.

    Args:
        tags: of any of SCHEMES, of all sentences, one after the other.
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
