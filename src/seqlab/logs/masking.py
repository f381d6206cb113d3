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


# an escape, a class (one inside it, too), what opens a group, flags, or one character
_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|\[[^\]]*\]|[^\]\\])*\]|(?P<group>\((?:\?P?<\w+>|(?!\?)))|\(\?[a-zA-Z-]*[:)]|.", re.S
)
_FLAGS = re.compile(r"\(\?[a-zA-Z-]+\)")


def session_mask(session: str) -> SessionMask | None:
    r"""The mask of a session expression: all that it matches or, where it has a group, that group alone.

    Words around the group stay: ``(?:login|logout) of (\w+)`` tells two events apart. None where it begins
    with ``^``: then it names a part of the header.

    Raises:
        ValueError: several groups, or one that is repeated, has an alternative or is inside another.
    """
    flags = _FLAGS.match(session)
    head, rest = (flags[0], session[flags.end() :]) if flags else ("", session)
    if rest.startswith(("^", r"\A")):
        return None
    tokens = list(_TOKEN.finditer(rest))
    groups = [token for token in tokens if token["group"]]
    if not groups:
        return SessionMask(session, SESSION)
    end = _end_of(groups[0], tokens)
    before, inner, after = rest[: groups[0].start()], rest[groups[0].end() : end], rest[end + 1 :]
    if len(groups) > 1 or "x" in head or after.startswith(("?", "*", "+", "{")):
        raise ValueError(session)
    if not before and inner.startswith(("^", r"\A")):
        return None
    pattern = f"{head}(?P<before>{before})(?:{inner})(?P<after>{after})"
    return SessionMask(pattern, f"${{before}}{SESSION}${{after}}")


def _end_of(group: re.Match[str], tokens: Sequence[re.Match[str]]) -> int:
    """Where the ``)`` of a group stands; ValueError where it is not one part of a row of parts."""
    depth, end = 0, -1
    for token in tokens:
        if (token[0] == "|" and not depth) or _FLAGS.match(token[0]) or (token is group and depth):
            raise ValueError(group.string)
        if token["group"] or token[0].startswith("(?"):
            depth += 1
        elif token[0] == ")":
            depth -= 1
            if not depth and end < 0 and token.start() > group.start():
                end = token.start()
    return end
