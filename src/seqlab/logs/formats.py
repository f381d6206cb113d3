"""What the lines of a log look like: the header before the message, and what makes lines one session."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from seqlab.errors import UserError
from seqlab.logs.masking import GENERAL, mask_pattern, session_mask

ISO = "iso"  # the time format of 2026-01-31T12:00:00.5Z: T or a blank, any fraction, any zone or none
SYNTAXES = ("header", "json", "logfmt")
UNSUPPORTED = "look-around and back-references are not supported"
_INDENT = 4  # of an expression, in what polars says about it


@dataclass(frozen=True)
class LogFormat:
    """Where a line has its message, its time and its session, and how Drain is set for its messages.

    Regular expressions are those of Rust's regex crate, which polars runs: no look-around, no references
    back.
    """

    name: str
    header: str = ""  # at a line's start; the message is what follows. Groups: time, label ("-" is normal)
    time_format: str | None = None  # as strptime writes it, or ISO
    session: str | None = None  # names a line's session, anywhere in it; its first group where it has one
    masks: tuple[str, ...] = ()  # variable parts of this system, masked beside the general ones
    general_masks: tuple[str, ...] = tuple(GENERAL)
    similarity: float = 0.7  # Drain's: share of equal words that makes two messages one template
    depth: int = 5  # Drain's: of its tree, which looks at the first depth - 3 words
    counts_masks: bool = False  # masked words count as equal words: see Drain
    mask_session: bool = False  # what ``session`` names is masked in messages: see session_mask
    syntax: str = "header"  # or json, logfmt: lines of named fields
    message_field: str = ""
    session_field: str | None = None
    time_field: str | None = None

    def __post_init__(self) -> None:
        masks = [("mask", pattern) for pattern in self.masks]
        for what, pattern in (("header", self.header), ("session", self.session), *masks):
            if pattern is not None:
                check_pattern(what, pattern)
        self._check_together()
        if not 0 < self.similarity <= 1:
            raise UserError(f"--similarity {self.similarity}: give a share above 0 and up to 1, like 0.5")
        if self.depth < 3:
            raise UserError(f"--depth {self.depth}: Drain's tree has at least 3 levels")

    def _check_together(self) -> None:
        """All masks are one expression in the end: see mask_pattern."""
        if self.masks:
            together = " ".join(f"--mask {_quoted(mask)}" for mask in self.masks)
            _matches_empty(together, mask_pattern(self.masks))
        if self.session is not None and self.mask_session:
            try:
                session_mask(self.session)
            except ValueError:
                raise UserError(
                    f"--session {_quoted(self.session)}: only one plain group can be masked in messages: say "
                    "with --mask what stands there for a session"
                ) from None

    @property
    def names_sessions(self) -> bool:
        return self.session is not None or self.session_field is not None

    @property
    def expected(self) -> str:
        """What a line must have, for messages."""
        if self.syntax == "header":
            return f"lines that match {_quoted(self.header)}"
        return f"{self.syntax} lines with a field {self.message_field!r}"

    @property
    def has_times(self) -> bool:
        return self.time_field is not None or "time" in group_names(self.header)

    def state(self) -> dict[str, Any]:
        """Plain values for parse.json and for checkpoints."""
        return asdict(self) | {"masks": list(self.masks), "general_masks": list(self.general_masks)}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> LogFormat:
        return cls(**(state | {name: tuple(state[name]) for name in ("masks", "general_masks")}))


def check_pattern(what: str, pattern: str) -> None:
    """Raise UserError for what is no regular expression, or one that matches nothing at all everywhere."""
    if _matches_empty(f"--{what} {_quoted(pattern)}", pattern) and what != "header":
        raise UserError(f"--{what} {_quoted(pattern)} matches the empty text: say what must be there")


def _quoted(pattern: str) -> str:
    return f"'{pattern}'" if pattern.isprintable() else repr(pattern)  # no doubled backslashes


def _matches_empty(shown: str, pattern: str) -> bool:
    import polars as pl

    try:
        return bool(pl.Series([""]).str.contains(pattern)[0])
    except pl.exceptions.ComputeError as error:
        raise UserError(f"{shown}: not a regular expression: {_reason(str(error))}") from None


def _reason(said: str) -> str:
    """What is wrong with an expression, and where, of a page that polars says about it."""
    lines = said.splitlines()
    named = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    if not named:  # one that is too large has neither a place nor such a line
        return lines[0].strip().removeprefix("regex error: ").rstrip(".")
    reason = lines[named[0]].removeprefix("error: ").rstrip(".")
    marks = list(re.finditer(r"\^+", lines[named[0] - 1])) if named[0] > 1 else []
    if marks:
        start, end = marks[-1].span()
        reason += f", at character {start - _INDENT + 1}: {_quoted(lines[named[0] - 2][start:end])}"
    return reason if "not supported" in reason else f"{reason}; {UNSUPPORTED}"


def says_year(time_format: str | None) -> bool:
    """Whether the time of a line has a year; syslog's has none. True where lines have no time at all."""
    return time_format in (None, ISO) or re.search(r"%[YyGCsDFcx+]", time_format or "") is not None


def group_names(pattern: str) -> list[str]:
    """The capturing groups of a pattern, in order; those without a name are called by their numbers."""
    import polars as pl

    groups = pl.Series([""]).str.extract_groups(pattern)
    return list(groups.struct.fields) if groups.dtype == pl.Struct else []


def group_span(pattern: str, name: str) -> tuple[int, int] | None:
    """Where in a line a named group stands, as (start, length), if that is the same in all lines."""
    found = re.match(rf"(\^[^(]*)\(\?P?<{name}>([^()]*)\)(?![?*+{{])", pattern)
    if found is None or "|" in pattern:
        return None
    start, length = _fixed_width(found[1]), _fixed_width(found[2])
    return None if start is None or length is None else (start, length)


def _fixed_width(pattern: str) -> int | None:
    """Characters that a pattern always matches; None where that varies or is not seen at a glance."""
    plain = re.sub(r"\\[dwSDW]|\[\^?[^\]\\]+\]", "x", pattern.removeprefix("^"))
    plain = re.sub(r"\\[^a-zA-Z0-9]", "x", plain)
    plain = re.sub(r"(.)\{(\d+)\}", lambda found: found[1] * int(found[2]), plain)
    return None if re.search(r"[*+?|(){}\[\]\\^$.]", plain) else len(plain)
