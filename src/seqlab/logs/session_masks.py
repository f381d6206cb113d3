"""The ids of sessions in messages: variable parts, or each session would have templates of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from seqlab.logs.expressions import Branch, Group, inner, parse, text
from seqlab.logs.masking import MASK

if TYPE_CHECKING:
    import polars as pl

MARK = "ꙮ"  # stands for an id until all else is masked: a letter, so that paths go on over it
_ANCHOR = re.compile(r"(?:\(\?:(?:\(\?[a-zA-Z-]+\))+)?(?:\^|\\A)")  # after flags, as texts have them
_MAY_BE_ABSENT = ("?", "*", "{0", "{,")


class _Path(NamedTuple):
    """One way to match a session expression: its id, and what stands around that."""

    before: str
    id: str
    after: str


class SessionMask:
    """Masks what a session expression names: its match or, where it has groups, the first that takes part.

    What stands around the group stays as it is: ``(?:login|logout) of (\\w+)`` tells two events apart. An
    alternative that begins with ``^`` says where an id stands in its line, header and all, not in the
    message: it masks nothing. Nor does one without a group beside others that have some: it names no session.

    Args:
        session: an expression that ``check_pattern`` took.
    """

    def __init__(self, session: str) -> None:
        branches = parse(session)
        if not any(map(_captures, branches)):
            branches = [[Group(branches, capturing=True)]]
        parts, before, after = [], "", ""
        for number, path in enumerate(_paths(branches)):
            part = f"(?:{path.id})"
            if path.before:
                part = f"(?P<before{number}>{path.before}){part}"
                before += f"${{before{number}}}"
            if path.after:
                part += f"(?P<after{number}>{path.after})"
                after += f"${{after{number}}}"
            parts.append(part)
        self.pattern = "|".join(parts) if parts else None
        self._kept = before + MARK + after

    def mark(self, messages: pl.Series) -> pl.Series:
        """(L,) the messages, each id of a session replaced by MARK."""
        return messages if self.pattern is None else messages.str.replace_all(self.pattern, self._kept)

    def finish(self, messages: pl.Series) -> pl.Series:
        """(L,) the messages, each MARK replaced by MASK."""
        return messages if self.pattern is None else messages.str.replace_all(MARK, MASK, literal=True)


def _paths(branches: list[Branch], before: str = "") -> Iterator[_Path]:
    """Every way through an expression that meets a group, by the first that it meets."""
    for branch in branches if before else _unanchored(branches):
        yield from _paths_of(branch, before)


def _paths_of(branch: Branch, before: str) -> Iterator[_Path]:
    for place, item in enumerate(branch):
        if isinstance(item, str) or not _captures([item]):
            before += text([item])
            continue
        after = text(branch[place + 1 :])
        # of a group that is repeated the last time counts
        begun = before + (f"{inner(item)}*" if item.quantifier.startswith(("*", "+", "{")) else "")
        others: list[Branch] = []
        if item.capturing:
            ids = item.branches if begun else _unanchored(item.branches)
            if ids:
                yield _Path(begun, "|".join(map(text, ids)), after)
        else:
            for path in _paths([inside for inside in item.branches if _captures(inside)], begun):
                yield path._replace(after=path.after + after)
            others = [inside for inside in item.branches if not _captures(inside)]
        if others:  # this way another group names the session
            before += text([item._replace(branches=others)])
        elif not item.quantifier.startswith(_MAY_BE_ABSENT):
            return


def _captures(branch: Branch) -> bool:
    return any(
        isinstance(item, Group) and (item.capturing or any(map(_captures, item.branches))) for item in branch
    )


def _unanchored(branches: list[Branch]) -> list[Branch]:
    """Without the alternatives that begin with ``^``, inside groups that are all of one as well."""
    kept: list[Branch] = []
    for branch in branches:
        if len(branch) == 1 and isinstance(branch[0], Group) and branch[0][1:] == (False, ""):
            kept += _unanchored(branch[0].branches)
        elif not _anchored(branch):
            kept.append(branch)
    return kept


def _anchored(branch: Branch) -> bool:
    if not branch:
        return False
    first = branch[0]
    if isinstance(first, str):
        return _ANCHOR.match(first) is not None
    return not first.quantifier.startswith(_MAY_BE_ABSENT) and all(map(_anchored, first.branches))
