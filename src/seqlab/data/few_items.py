"""What to say of a split that is so small that its figures are rough."""

from __future__ import annotations

from collections.abc import Mapping

from seqlab.results.intervals import FEW

NAMED = 6  # classes that a notice names


def few_items(what: str, counts: Mapping[str, int]) -> list[str]:
    """A notice for each split of fewer than FEW items.

    Args:
        what: the items, in the plural.
        counts: items by split, ``val`` and ``test``.
    """
    rough = {
        "val": "the choice of the checkpoint and val/ figures rest on them",
        "test": "test figures would be others on other data of the same kind",
    }
    return [
        f"the {split} part has few {what} ({count:,}, fewer than {FEW}): {rough[split]}"
        for split, count in counts.items()
        if count < FEW
    ]


def few_of_a_class(what: str, classes: str, counts: Mapping[str, int]) -> list[str]:
    """A notice where some classes have fewer than FEW test items; rarest first.

    Args:
        what, classes: the items and their classes, in the plural.
        counts: test items by class, those with none too.
    """
    rare = sorted((count, name) for name, count in counts.items() if count < FEW)
    if not rare:
        return []
    named = ", ".join(f"{name} {count}" for count, name in rare[:NAMED])
    more = f" and {len(rare) - NAMED} more" if len(rare) > NAMED else ""
    return [
        f"{len(rare)} of {len(counts)} {classes} have fewer than {FEW} test {what} ({named}{more}): their "
        "own figures, and means over classes, rest on few"
    ]
