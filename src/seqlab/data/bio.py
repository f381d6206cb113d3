"""BIO tags: which forms there are, which sequences make sense, and where entities begin and end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OUTSIDE = "O"
_TAG = re.compile(r"O|[BI]-\S+")


def is_tag(text: str) -> bool:
    """Whether a text is ``O``, ``B-type`` or ``I-type``."""
    return _TAG.fullmatch(text) is not None


def tag_names(types: Iterable[str]) -> tuple[str, ...]:
    """The 2K + 1 tags of K entity types: ``O`` is 0, type k has ``B-`` at 2k + 1 and ``I-`` at 2k + 2."""
    return (OUTSIDE, *(f"{part}-{kind}" for kind in types for part in "BI"))


def tag_types(tags: Iterable[str]) -> set[str]:
    """The entity types that some tags name."""
    return {tag[2:] for tag in tags if tag != OUTSIDE}


def stray_inside(tags: Sequence[str], firsts: Sequence[int]) -> list[int]:
    """Places whose ``I-type`` continues nothing: no ``B-type`` or ``I-type`` of its type stands before it.

    Args:
        tags: of all sentences, one after the other.
        firsts: places where a sentence begins.
    """
    begins = set(firsts)
    return [
        place
        for place, tag in enumerate(tags)
        if tag.startswith("I-") and (place in begins or tags[place - 1][2:] != tag[2:])
    ]


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
