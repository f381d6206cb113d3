"""Regular expressions of Rust's regex crate taken apart at their groups and alternatives."""

from __future__ import annotations

import re
from typing import NamedTuple

_DIRECTIVE = re.compile(r"\(\?[a-zA-Z-]+\)")  # flags from here to the end of the group, over its | as well
_OPENING = re.compile(r"\((?:\?P?<[^>]*>|\?(?P<flags>[a-zA-Z-]*):)?")
_QUANTIFIER = re.compile(r"(?:[?*+]|\{[^}]*\})\??")
_BLANKS = re.compile(r"(?:\s|#[^\n]*(?:\n|$))+")
_FLAGS = re.compile(r"[a-zA-Z-]+")


class Group(NamedTuple):
    """What stands in parentheses."""

    branches: list[Branch]
    capturing: bool
    quantifier: str = ""


Branch = list["Group | str"]  # one after the other; text has no group in it, and no |


def parse(pattern: str) -> list[Branch]:
    """The alternatives of an expression that is known to be one. Text says itself which flags it has."""
    return _Parser(pattern).branches("")


def text(branch: Branch) -> str:
    """An expression that matches the same and captures nothing."""
    return "".join(item if isinstance(item, str) else inner(item) + item.quantifier for item in branch)


def inner(group: Group) -> str:
    """What a group matches once, as one that captures nothing."""
    return f"(?:{'|'.join(map(text, group.branches))})"


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.place = 0

    def branches(self, flags: str) -> list[Branch]:
        """Alternatives up to the end, or up to the ``)`` of the group.

        Args:
            flags: that hold from here on, as directives like ``(?i)``.
        """
        found: list[Branch] = [[]]
        raw = ""

        def keep() -> None:
            nonlocal raw
            if raw:
                found[-1].append(f"(?:{flags}{raw})" if flags else raw)
            raw = ""

        while self.place < len(self.pattern) and self.pattern[self.place] != ")":
            sign, begin = self.pattern[self.place], self.place
            if self._skip_blanks(flags):
                continue
            directive = _DIRECTIVE.match(self.pattern, begin)
            if directive:
                keep()
                flags += directive[0]
                self.place = directive.end()
            elif sign == "(":
                keep()
                found[-1].append(self._group(flags))
            elif sign == "|":
                keep()
                found.append([])
                self.place += 1
            else:
                self.place = _end_of_sign(self.pattern, begin)
                raw += self.pattern[begin : self.place]
        keep()
        return found

    def _group(self, flags: str) -> Group:
        opening = _OPENING.match(self.pattern, self.place)
        assert opening is not None
        self.place = opening.end()
        capturing = opening["flags"] is None
        branches = self.branches(flags + (f"(?{opening['flags']})" if opening["flags"] else ""))
        self.place += 1
        self._skip_blanks(flags)
        quantifier = _QUANTIFIER.match(self.pattern, self.place)
        self.place = quantifier.end() if quantifier else self.place
        return Group(branches, capturing, quantifier[0] if quantifier else "")

    def _skip_blanks(self, flags: str) -> bool:
        """Go on after blanks and comments where the flag x makes them say nothing."""
        set_last = next((part for part in reversed(_FLAGS.findall(flags)) if "x" in part), "-")
        blanks = _BLANKS.match(self.pattern, self.place) if "x" in set_last.split("-")[0] else None
        self.place = blanks.end() if blanks else self.place
        return blanks is not None


def _end_of_sign(pattern: str, place: int) -> int:
    """Where what begins at ``place`` ends: an escaped sign, a class, or one sign."""
    if pattern[place] == "[":
        return _class_end(pattern, place) + 1
    return place + (2 if pattern[place] == "\\" else 1)


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
