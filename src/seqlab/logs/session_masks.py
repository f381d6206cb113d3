"""The ids of sessions in messages: variable parts, or each session would have templates of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from seqlab.logs.masking import MASK

if TYPE_CHECKING:
    import polars as pl

MARK = "ꙮ"  # stands for an id until all else is masked: a letter, so that paths go on over it
_FIRST_FLAGS = re.compile(r"(?:\(\?[imsUu]+\))*")
_FLAGS = re.compile(r"\(\?[a-zA-Z-]+\)|\(\?[a-zA-Z]*x")
_CAPTURING = re.compile(r"\((?:(?!\?)|\?P?<)")
_BEFORE, _AFTER = "seqlab_before", "seqlab_after"


class _Alternative(NamedTuple):
    """What stands between two ``|`` outside all groups; places in the pattern."""

    begin: int
    end: int
    group: tuple[int, int] | None  # its first capturing group, where that is in no other and always there


class SessionMask:
    """Masks what a session expression names: its match or, where it has groups, the first group alone.

    What stands around the group stays as it is: ``(?:login|logout) of (\\w+)`` tells two events apart. An
    expression that begins with ``^`` says where an id stands in its line, header and all, not in the message:
    it masks nothing.

    Args:
        session: an expression that ``check_pattern`` took.
    """

    def __init__(self, session: str) -> None:
        found = _FIRST_FLAGS.match(session)
        flags = found[0] if found else ""
        body = session.removeprefix(flags)
        # flags further on reach over what would be cut there
        whole = [_Alternative(0, len(body), None)] if _FLAGS.search(body) else None
        parts, names = [], []
        for number, part in enumerate(whole or _alternatives(body)):
            text = body[part.begin : part.end]
            if text.startswith(("^", r"\A")):
                continue
            if part.group is None:
                parts.append(text)
                continue
            start, end = part.group
            before, after = f"{_BEFORE}{number}", f"{_AFTER}{number}"
            names.append((before, after))
            parts.append(
                f"(?P<{before}>{body[part.begin : start]})(?:{body[start:end]})"
                f"(?P<{after}>{body[end : part.end]})"
            )
        self.pattern = flags + "|".join(parts) if parts else None
        self._kept = (
            "".join(f"${{{before}}}" for before, _ in names)
            + MARK
            + "".join(f"${{{after}}}" for _, after in names)
        )

    def mark(self, messages: pl.Series) -> pl.Series:
        """(L,) the messages, each id of a session replaced by MARK."""
        return messages if self.pattern is None else messages.str.replace_all(self.pattern, self._kept)

    def finish(self, messages: pl.Series) -> pl.Series:
        """(L,) the messages, each MARK replaced by MASK."""
        return messages if self.pattern is None else messages.str.replace_all(MARK, MASK, literal=True)


def _alternatives(pattern: str) -> list[_Alternative]:
    found = []
    begin = place = 0
    opened: list[int] = []
    first: int | None = None  # where the first capturing group of the alternative begins
    group: tuple[int, int] | None = None
    while place < len(pattern):
        sign = pattern[place]
        if sign == "\\":
            place += 1
        elif sign == "[":
            place = _class_end(pattern, place)
        elif sign == "(":
            if first is None and _CAPTURING.match(pattern, place):
                first = place
            opened.append(place)
        elif sign == ")":
            start = opened.pop()
            # (a)? may be absent, and then another group names the session
            if start == first and not opened and pattern[place + 1 : place + 2] not in ("?", "*", "+", "{"):
                group = (start, place + 1)
        elif sign == "|" and not opened:
            found.append(_Alternative(begin, place, group))
            begin, first, group = place + 1, None, None
        place += 1
    return [*found, _Alternative(begin, len(pattern), group)]


def _class_end(pattern: str, start: int) -> int:
    """The place of the ``]`` that ends the class which begins at ``start``; classes may hold classes."""
    place = start + 1
    if pattern[place : place + 1] == "^":
        place += 1
    if pattern[place : place + 1] == "]":  # as the first it is a member
        place += 1
    while place < len(pattern) and pattern[place] != "]":
        if pattern[place] == "\\":
            place += 1
        elif pattern[place] == "[":
            place = _class_end(pattern, place)
        place += 1
    return place
