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

_UUID = r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
_MAC = r"\b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b"
GENERAL = {  # of every log, in the order in which they are tried at a place
    "address": r"/?(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]+)?",  # IPv4, with port
    "host": r"\b(?:[a-zA-Z0-9_-]+\.)+[a-zA-Z0-9_-]+:[0-9]+\b",  # a name with dots and a port
    "path": r"(?:/[\w.$-]+){2,}",
    "hexadecimal": rf"0[xX][0-9a-fA-F]+|{_UUID}|{_MAC}|\b[0-9a-fA-F]{{7,}}\b",
    "number": r"[-+]?\b[0-9]+\b",
}


def mask_pattern(masks: Sequence[str] = (), general: Sequence[str] = tuple(GENERAL)) -> str:
    """One pattern for all that is masked: ``masks`` first, then those of GENERAL that are named.

    One pass over a message costs a quarter of one pass for each. Empty where nothing is masked.
    """
    return "|".join(
        [*(f"(?:{mask})" for mask in masks), *(GENERAL[name] for name in GENERAL if name in general)]
    )


def mask(messages: pl.Series, pattern: str) -> pl.Series:
    """(L,) the messages, each match of ``pattern`` replaced by MASK. An empty pattern masks nothing."""
    return messages if not pattern else messages.str.replace_all(pattern, MASK)
