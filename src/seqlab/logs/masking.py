"""Variable parts of messages under one mask, for whole columns at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

# Drain gives its own <*> no weight when it compares: messages that are mostly mask would match nothing, not
# even themselves. So masks are a word of their own until a person reads them.
MASK = "<var>"
SHOWN = "<*>"

ADDRESS = r"/?(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]+)?"  # IPv4, with port
PATH = r"(?:/[\w.$-]+){2,}"
HEXADECIMAL = r"0[xX][0-9a-fA-F]+"
NUMBER = r"[-+]?\b[0-9]+\b"


def mask_pattern(masks: Sequence[str] = ()) -> str:
    """One pattern for all that is masked: ``masks`` first, then addresses, paths and numbers.

    One pass over a message costs a quarter of one pass for each.
    """
    return "|".join([*(f"(?:{mask})" for mask in masks), ADDRESS, PATH, HEXADECIMAL, NUMBER])


def mask(messages: pl.Series, pattern: str) -> pl.Series:
    """(L,) the messages, each match of ``pattern`` replaced by MASK."""
    return messages.str.replace_all(pattern, MASK)
