"""What the lines of a log look like: the header before the message, and what makes lines one session."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from seqlab.errors import UserError
from seqlab.logs.masking import GENERAL, mask_pattern

UNSUPPORTED = "look-around and back-references are not supported"
_INDENT = 4  # of an expression, in what polars says about it


@dataclass(frozen=True)
class LogFormat:
    """The header of a line, its time, its sessions, and how Drain is set for its messages.

    Regular expressions are those of Rust's regex crate, which polars runs: no look-around, no references
    back.
    """

    name: str
    header: str  # at a line's start; the message is what follows. Groups: time, label ("-" is normal)
    time_format: str | None = None  # of the group time, as strptime writes it
    session: str | None = None  # names a line's session, anywhere in it; its first group where it has one
    masks: tuple[str, ...] = ()  # variable parts of this system, masked beside the general ones
    general_masks: tuple[str, ...] = tuple(GENERAL)
    similarity: float = 0.7  # Drain's: share of equal words that makes two messages one template
    depth: int = 5  # Drain's: of its tree, which looks at the first depth - 3 words
    counts_masks: bool = False  # masked words count as equal words: see MaskedDrain
    mask_session: bool = False  # what ``session`` names is masked in messages: see SessionMask

    def __post_init__(self) -> None:
        for what, pattern in (("header", self.header), ("session", self.session), *self._masks()):
            if pattern is not None:
                check_pattern(what, pattern)
        self._check_together()
        if not 0 < self.similarity <= 1:
            raise UserError(f"--similarity {self.similarity}: give a share above 0 and up to 1, like 0.5")
        if self.depth < 3:
            raise UserError(f"--depth {self.depth}: Drain's tree has at least 3 levels")

    def _check_together(self) -> None:
        """All masks are one expression in the end: see mask_pattern."""
        names = [name for pattern in self.masks for name in group_names(pattern) if not name.isdigit()]
        for name in names:
            if names.count(name) > 1:
                raise UserError(
                    f"--mask: two of them have a group {name!r}; together they are not a regular expression: "
                    "rename one, or write (?:...), which needs no name"
                )
        _matches_empty(" ".join(f"--mask {_quoted(mask)}" for mask in self.masks), mask_pattern(self.masks))

    def _masks(self) -> list[tuple[str, str]]:
        return [("mask", pattern) for pattern in self.masks]

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
        reason = lines[0].strip().removeprefix("regex error: ").rstrip(".")
        return reason
    reason = lines[named[0]].removeprefix("error: ").rstrip(".")
    marks = list(re.finditer(r"\^+", lines[named[0] - 1])) if named[0] > 1 else []
    if marks:
        start, end = marks[-1].span()
        place = lines[named[0] - 2][start:end]
        reason += f", at character {start - _INDENT + 1}: {_quoted(place)}"
    return reason if "not supported" in reason else f"{reason}; {UNSUPPORTED}"


def says_year(time_format: str | None) -> bool:
    """Whether the time of a line has a year; syslog's has none. True where lines have no time at all."""
    return time_format is None or re.search(r"%[YyGCsDFcx+]", time_format) is not None


def group_names(pattern: str) -> list[str]:
    """The capturing groups of a pattern, in order; those without a name are called by their numbers."""
    import polars as pl

    groups = pl.Series([""]).str.extract_groups(pattern)
    return list(groups.struct.fields) if groups.dtype == pl.Struct else []


def fixed_width(pattern: str) -> int | None:
    """Characters that a pattern always matches; None where that varies or is not seen at a glance."""
    plain = re.sub(r"\\[dwSDW]|\[\^?[^\]\\]+\]", "x", pattern.removeprefix("^"))
    plain = re.sub(r"\\[^a-zA-Z0-9]", "x", plain)
    plain = re.sub(r"(.)\{(\d+)\}", lambda found: found[1] * int(found[2]), plain)
    return None if re.search(r"[*+?|(){}\[\]\\^$.]", plain) else len(plain)


def group_span(pattern: str, name: str) -> tuple[int, int] | None:
    """Where in a line a named group stands, as (start, length), if that is the same in all lines."""
    found = re.match(rf"(\^[^(]*)\(\?P?<{name}>([^()]*)\)(?![?*+{{])", pattern)
    if found is None or "|" in pattern:
        return None
    start, length = fixed_width(found[1]), fixed_width(found[2])
    return None if start is None or length is None else (start, length)


FORMATS = {
    known.name: known
    for known in (
        LogFormat(
            "hdfs",
            r"^(?P<time>\d{6} \d{6}) \d+ \w+ [^:]+: ",
            "%y%m%d %H%M%S",
            session=r"blk_-?\d+",
            masks=(r"blk_-?\d+",),
        ),
        LogFormat(
            "apache",
            r"^\[(?P<time>\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4})\] \[\w+\] ",
            "%a %b %d %H:%M:%S %Y",
        ),
        LogFormat(
            "bgl",
            r"^(?P<label>\S+) \d+ \S+ \S+ (?P<time>\d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d\.\d+) \S+ \S+ \S+ \S+ ",
            "%Y-%m-%d-%H.%M.%S%.f",
            masks=(r"core\.\d+",),
        ),
        LogFormat(
            "hadoop",
            r"^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) +\w+ \[[^\]]*\] [^:]+: ",
            "%Y-%m-%d %H:%M:%S,%3f",
        ),
        LogFormat(
            "openssh",
            r"^(?P<time>\w{3} +\d+ \d\d:\d\d:\d\d) \S+ sshd\[\d+\]: ",
            "%b %d %H:%M:%S",
            session=r"sshd\[(\d+)\]",
            masks=(r"([\w-]+\.){2,}[\w-]+",),
        ),
        LogFormat(
            "zookeeper",
            r"^(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) - \w+ +\[.*:[^:\]]*@\d+\] - ",
            "%Y-%m-%d %H:%M:%S,%3f",
        ),
    )
}


def find_format(name: str) -> LogFormat:
    """A format by name.

    Raises:
        UserError: an unknown one.
    """
    if name not in FORMATS:
        raise UserError(f"--format {name}: choose {', '.join(FORMATS)}, or regex with --header")
    return FORMATS[name]
