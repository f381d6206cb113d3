"""Variable parts of messages under one mask, for whole columns at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import polars as pl

# Drain gives its own <*> no weight when it compares: messages that are mostly mask would match nothing, not
# even themselves. So masks are a word of their own until a person reads them.
MASK = "<var>"
SHOWN = "<*>"
SESSION = "ꙮ"  # stands for a session's id until all else is masked: a letter, so that paths go on over it

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


class SessionMask(NamedTuple):
    """How ids of sessions are found in messages, so that all sessions share their templates."""

    pattern: str
    replacement: str

    def mark(self, messages: pl.Series) -> pl.Series:
        """(L,) the messages, each id replaced by SESSION."""
        return messages.str.replace_all(self.pattern, self.replacement)


def session_mask(session: str) -> SessionMask | None:
    r"""The mask of a session expression: all that it matches or, where it has a group, that group alone.

    Words around the group stay: ``(?:login|logout) of (\w+)`` tells two events apart. None where it begins
    with ``^``: then it names a part of the header.

    Raises:
        ValueError: several groups, or one that is repeated, has an alternative or is inside another.
    """
    found = re.match(r"\(\?[a-wyzA-Z-]+\)", session)
    flags = found[0] if found else ""
    rest = session.removeprefix(flags)
    if re.match(r"(\((\?P?<\w+>)?)?(\^|\\A)", rest):
        return None
    groups = _num_groups(session)
    if not groups:
        return SessionMask(session, SESSION)
    # the group is cut out where what is left of the expression on both sides is one in its own right
    for opening in re.finditer(r"\((?:\?P?<\w+>|(?!\?))", rest):
        for closing in re.finditer(r"\)", rest):
            before, after = rest[: opening.start()], rest[closing.end() :]
            inner = f"(?:{rest[opening.end() : closing.start()]})"
            if groups == 1 and _num_groups(inner) == 0 and _stands_alone(before) and _stands_alone(after):
                pattern = f"{flags}(?P<before>{before}){inner}(?P<after>{after})"
                return SessionMask(pattern, f"${{before}}{SESSION}${{after}}")
    raise ValueError(session)


def _stands_alone(part: str) -> bool:
    """Whether a part of an expression is one itself, and neither an alternative nor flags reach beyond it."""
    has_flags = re.search(r"\(\?[a-zA-Z-]+\)", part) is not None
    bars = [found.start() for found in re.finditer(r"\|", part)]
    is_cut = any(_num_groups(part[:bar]) == 0 == _num_groups(part[bar + 1 :]) for bar in bars)
    return _num_groups(part) == 0 and not has_flags and not is_cut


def _num_groups(pattern: str) -> int | None:
    """Capturing groups of a pattern; None where it is no regular expression."""
    import polars as pl

    try:
        groups = pl.Series([""]).str.extract_groups(pattern)
    except pl.exceptions.ComputeError:
        return None
    return len(groups.struct.fields) if groups.dtype == pl.Struct else 0
