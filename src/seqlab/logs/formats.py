"""What the lines of a log look like: the header before the message, and what makes lines one session."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from seqlab.errors import UserError
from seqlab.logs.masking import GENERAL, mask_pattern, session_mask

ISO = "iso"  # the time format of 2026-01-31T12:00:00.5Z: T or a blank, any fraction, any zone or none
UNSUPPORTED = "look-around and back-references are not supported"


@dataclass(frozen=True)
class LogFormat:
    """Where a line has its message, its time and its session, and how Drain is set for its messages.

    Regular expressions are those of Rust's regex crate, which polars runs: no look-around, no references
    back.
    """

    name: str
    header: str = ""  # at a line's start; the message is what follows. Groups: time, label ("-" is normal)
    time_format: str | None = None  # as strptime writes it, or ISO
    time_at: tuple[int, int] | None = None  # (start, length) of the time, where all lines have it there
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
                shown = f"--{what} {_quoted(pattern)}"
                if _matches_empty(shown, pattern) and what != "header":
                    raise UserError(f"{shown} matches the empty text: say what must be there")
        if self.masks:  # all of them are one expression in the end
            _matches_empty(
                " ".join(f"--mask {_quoted(mask)}" for mask in self.masks), mask_pattern(self.masks)
            )
        if self.session is not None and self.mask_session:
            try:
                session_mask(self.session)
            except ValueError:
                raise UserError(
                    f"--session {_quoted(self.session)}: only one plain group can be masked in messages: say "
                    "with --mask what stands there for a session"
                ) from None
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
        session = "" if self.session is None else f", session {_quoted(self.session)}"
        return f"lines with the header {_quoted(self.header)}{times}{session}"

    def state(self) -> dict[str, Any]:
        """Plain values for parse.json and for checkpoints."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> LogFormat:
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in state.items()
        }
        return cls(**fields)


def _quoted(pattern: str) -> str:
    return f"'{pattern}'" if pattern.isprintable() else repr(pattern)  # no doubled backslashes


def _matches_empty(shown: str, pattern: str) -> bool:
    """Whether a pattern matches the empty text.

    Raises:
        UserError: it is no regular expression.
    """
    import polars as pl

    try:
        return bool(pl.Series([""]).str.contains(pattern)[0])
    except pl.exceptions.ComputeError as error:
        lines = str(error).splitlines()  # a page, with the reason in a line of its own
        reason = next((line for line in lines if line.startswith("error: ")), lines[0])
        reason = re.sub(r"^\w*(?: error|error): ", "", reason.strip()).rstrip(".")
        hint = "" if "not supported" in reason else f"; {UNSUPPORTED}"
        raise UserError(f"{shown}: not a regular expression: {reason}{hint}") from None


def says_year(time_format: str | None) -> bool:
    """Whether the time of a line has a year; syslog's has none. True where lines have no time at all."""
    return time_format in (None, ISO) or re.search(r"%[YyGCsDFcx+]", time_format or "") is not None


def group_names(pattern: str) -> list[str]:
    """The capturing groups of a pattern, in order; those without a name are called by their numbers."""
    import polars as pl

    groups = pl.Series([""]).str.extract_groups(pattern)
    return list(groups.struct.fields) if groups.dtype == pl.Struct else []
