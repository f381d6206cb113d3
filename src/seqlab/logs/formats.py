"""What the lines of a log look like: header, masks of messages, and what makes lines one session."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from numpy.typing import NDArray

from seqlab.errors import UserError, shown

ISO = "iso"  # the time format of 2026-01-31T12:00:00.5Z: T or a blank, any fraction, any zone or none

MASK = "<var>"  # not Drain's own <*>, which never counts as an equal word
SHOWN = "<*>"  # what people read in place of MASK
SESSION = "ꙮ"  # stands for a session's id until all else is masked: a letter, so that paths go on over it

_UUID = r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
_MAC = r"\b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b"
GENERAL = {  # masks of every log, in the order in which they are tried
    "address": r"/?(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]+)?",  # IPv4, with port
    "host": r"\b(?:[a-zA-Z0-9_-]+\.)+[a-zA-Z0-9_-]+:[0-9]+\b",  # a name with dots and a port
    "path": r"(?:/[\w.$-]+){2,}",
    "hexadecimal": rf"0[xX][0-9a-fA-F]+|{_UUID}|{_MAC}|\b[0-9a-fA-F]{{7,}}\b",
    "number": r"[-+]?\b[0-9]+\b",
}
_BEGINS_HEADER = re.compile(r"(\((\?P?<\w+>)?)?\^")
_ONE_GROUP = re.compile(r"([^()|]*)\((?:\?P?<\w+>)?([^()?][^()]*)\)((?:[^()|*+?{][^()|]*)?)")


@dataclass(frozen=True)
class LogFormat:
    """Where a line has its message, its time and its session, and how Drain is set for its messages.

    Regular expressions are those of Rust's regex crate, which polars runs: no look-around, no
    back-references.
    """

    name: str
    header: str = ""  # at a line's start; the message is what follows. Groups: time, label ("-" is normal)
    time_format: str | None = None  # as strptime writes it, or ISO
    time_at: Sequence[int] | None = None  # start and length of the time, where all lines have it there
    session: str | None = None  # names a line's session, anywhere in it; its first group where it has one
    masks: Sequence[str] = ()  # variable parts of this system, masked beside the general ones
    general_masks: Sequence[str] = tuple(GENERAL)
    similarity: float = 0.7  # Drain's: share of equal words that makes two messages one template
    depth: int = 5  # Drain's: of its tree, which looks at the first depth - 3 words
    counts_masks: bool = False  # masked words count as equal words: see Drain
    mask_session: bool = False  # what ``session`` names is masked in messages: see session_mask
    syntax: str = "header"  # or json, logfmt: lines of named fields
    message_field: str = ""
    session_field: str | None = None
    time_field: str | None = None

    def __post_init__(self) -> None:
        groups = group_names(self.header, "--header")
        for field in (self.session_field, self.time_field) if self.syntax == "header" else ():
            if field is not None and field not in groups:
                raise UserError(f"--header has no group {shown(field)}")
        if self.time_at is not None and [0 <= place < 2**31 for place in self.time_at] != [True, True]:
            raise UserError(f"time_at={shown(self.time_at)}: give a start and a length")
        for option, pattern in [("--session", self.session), *(("--mask", mask) for mask in self.masks)]:
            if pattern is not None:
                group_names(pattern, option)
                if pl.Series([""]).str.contains(pattern)[0]:
                    raise UserError(f"{option} '{pattern}' matches the empty text: say what must be there")
        group_names(mask_pattern(self.masks, ()), "all of --mask,")
        if self.session is not None and self.mask_session:
            session_mask(self.session)
        if not 0 < self.similarity <= 1:
            raise UserError(f"--similarity {self.similarity}: give a share above 0 and up to 1, like 0.5")
        if self.depth < 3:
            raise UserError(f"--depth {self.depth}: Drain's tree has at least 3 levels")

    @property
    def names_sessions(self) -> bool:
        return self.session is not None or self.session_field is not None

    @property
    def has_times(self) -> bool:
        return self.time_field is not None or "time" in group_names(self.header)

    @property
    def expected(self) -> str:
        """What a line must have, for messages."""
        if self.syntax != "header":
            return f"{self.syntax} lines with a field {self.message_field!r}"
        times = f", times as {self.time_format}" if self.has_times else ""
        session = "" if self.session is None else f", session '{self.session}'"
        return f"lines with the header '{self.header}'{times}{session}"


def group_names(pattern: str, option: str = "") -> list[str]:
    """The capturing groups of a pattern, in order; those without a name are called by their numbers.

    Raises:
        UserError: not a regular expression.
    """
    try:
        groups = pl.Series([""]).str.extract_groups(pattern)
    except pl.exceptions.ComputeError as error:
        lines = str(error).splitlines()  # a page, with the reason in a line of its own
        reason = next((line for line in lines if line.startswith("error: ")), lines[0])
        reason = re.sub(r"^\w*(?: error|error): ", "", reason.strip()).rstrip(".")
        hint = "" if "not supported" in reason else "; look-around and back-references are not supported"
        raise UserError(f"{option} '{pattern}': not a regular expression: {reason}{hint}") from None
    return list(groups.struct.fields) if groups.dtype == pl.Struct else []


def says_year(time_format: str | None) -> bool:
    """Whether the time of a line has a year; syslog's has none. True where lines have no time at all."""
    return time_format in (None, ISO) or re.search(r"%[YyGCsDFcx+]", time_format or "") is not None


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


def session_mask(session: str) -> tuple[str, str] | None:
    r"""What finds a session's id in messages, and its replacement, which holds SESSION.

    An expression without a group is replaced whole; of one with a single group, that group, and the words
    around it stay. None where it begins with ``^``: then it names a part of the header.

    Raises:
        UserError: another expression: several groups, or a group with parentheses, ``|`` or a repetition
            beside it.
    """
    groups = group_names(session, "--session")
    if _BEGINS_HEADER.match(session):
        return None
    if not groups:
        return session, SESSION
    parts = _ONE_GROUP.fullmatch(session)
    if parts is None:
        raise UserError(
            f"--session '{session}': only one plain group can be masked in messages: say with --mask what "
            "stands there for a session"
        )
    before, inner, after = parts.groups()
    return f"({before})(?:{inner})({after})", f"${{1}}{SESSION}${{2}}"


_MICROSECONDS = 1_000_000
_SHORTEST, _LONGEST = 0.001, 1e9  # seconds
_MOST_WINDOWS = 100  # that a line is in


@dataclass(frozen=True)
class TimeWindows:
    """Sessions of a log that names none: windows of ``seconds``, one beginning every ``step`` seconds."""

    seconds: float
    step: float

    def __post_init__(self) -> None:
        if not _SHORTEST <= self.seconds <= _LONGEST:
            raise UserError(f"--window {self.seconds:g}: give seconds, {_SHORTEST:g} to {_LONGEST:g}")
        least = max(_SHORTEST, self.seconds / _MOST_WINDOWS)
        if not least <= self.step <= self.seconds:
            raise UserError(
                f"--step {self.step:g}: give seconds, {least:g} to the window's {self.seconds:g}: a larger "
                f"step would leave lines out, a smaller one put each into more than {_MOST_WINDOWS} windows"
            )

    def events(self, time: pl.Series) -> tuple[NDArray[np.int64], pl.Series]:
        """The message and the session, named by the window's begin, of each event.

        Args:
            time: (M,) Datetime("us"); messages without one are in no window.
        """
        step, size = round(self.step * _MICROSECONDS), round(self.seconds * _MICROSECONDS)
        known = np.flatnonzero(time.is_not_null().to_numpy())
        at = time.to_physical().to_numpy()[known].astype(np.int64)
        newest = at // step * step
        begins = newest[:, None] - step * np.arange(math.ceil(size / step))[::-1]  # (M, K) oldest first
        inside = at[:, None] < begins + size
        begin = pl.Series(begins[inside]).cast(pl.Datetime("us"))
        fraction = "" if step % _MICROSECONDS == 0 else "%.6f"
        return np.repeat(known, inside.sum(axis=1)), begin.dt.strftime(f"%Y-%m-%dT%H:%M:%S{fraction}")


_TABLE = yaml.safe_load(Path(__file__).with_name("formats.yaml").read_text(encoding="utf-8"))
FORMATS = {name: LogFormat(name, **settings) for name, settings in _TABLE.items()}
ALL_FORMATS = f"{', '.join(FORMATS)}, regex with --header, or auto"
