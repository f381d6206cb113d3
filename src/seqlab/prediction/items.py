"""What ``NewData.encode`` is given."""

from __future__ import annotations

from typing import Any

from seqlab.errors import UserError


def as_list(items: Any, what: str) -> list[Any]:
    """Items as a list.

    Raises:
        UserError: a text in place of a list of texts, or nothing.
    """
    if isinstance(items, str) or not len(items):
        raise UserError(f"encode({items!r}): give a list of {what}, at least one")
    return list(items)
