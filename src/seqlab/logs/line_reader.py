"""Raw lines to messages, times and session keys, whole columns at once; and to events of known templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from typing_extensions import TypedDict

from seqlab.errors import UserError
from seqlab.logs.drain import FixedIds, StoredDrain
from seqlab.logs.formats import (
    ISO,
    MASK,
    SESSION,
    LogFormat,
    TimeWindows,
    group_names,
    mask,
    mask_pattern,
    says_year,
    session_mask,
)
from seqlab.logs.reading import LONGEST_LINE, NO_HEADER, NO_SESSION, NO_TEXT, NO_TIME, NOT_UTF8, TOO_LONG
from seqlab.schemas import Count, FieldsOf, Reads

PARSER_FORMAT = 2  # of ParserState
_AFTER_HEADER = "\x02"  # marks where the header was


@dataclass(frozen=True)
class Messages:
    """The M lines of L that have a header and belong to a session.

    E events: a line that names several sessions is an event of each.
    """

    place: NDArray[np.int64]  # (M,) which line
    distinct: list[str]  # (U,) masked messages
    code: NDArray[np.integer]  # (M,) which of them
    time: pl.Series  # (M,) Datetime("us"), null where there is none
    abnormal: pl.Series | None  # (M,) Boolean, where the header has a label
    event_message: NDArray[np.int64]  # (E,) which message, non-decreasing
    event_session: pl.Series | None  # (E,) session keys; None where neither format nor windows give some
    skipped: dict[str, NDArray[np.int64]]  # by reason: which lines
    values: pl.Series | None  # (M,) List(String), what each MASK of the message stands for, where kept


class LineReader:
    """Takes lines of one format apart. Compiled once, used for every chunk.

    Args:
        windows: what makes sessions where the format names none.
        keep_values: keep what was masked, too; it costs a second search of every message.
    """

    def __init__(
        self, log_format: LogFormat, windows: TimeWindows | None = None, *, keep_values: bool = False
    ) -> None:
        self.format = log_format
        self.windows = windows
        self.keep_values = keep_values
        self.masks = mask_pattern(log_format.masks, log_format.general_masks)
        is_masked = log_format.mask_session and log_format.session is not None
        self._session_mask = session_mask(log_format.session or "") if is_masked else None
        self._groups = group_names(log_format.header)
        self._time_format = log_format.time_format if log_format.has_times else None
        self._year = ""
        if not says_year(self._time_format):  # syslog says no year: all of a log fall into one leap year
            self._year, self._time_format = "1972 ", f"%Y {self._time_format}"
        self._session_groups = len(group_names(log_format.session)) if log_format.session else 0

    def __call__(self, lines: pl.Series) -> Messages:
        """Take (L,) lines apart."""
        skipped: dict[str, NDArray[np.int64]] = {}
        kept = np.arange(len(lines), dtype=np.int64)
        good = lines.str.len_bytes() <= LONGEST_LINE
        kept, lines = _drop(good, skipped, TOO_LONG, kept, lines)
        kept, lines = _drop(lines != NO_TEXT, skipped, NOT_UTF8, kept, lines)
        messages, has_header = self.messages(lines)
        kept, lines, messages = _drop(has_header, skipped, NO_HEADER, kept, lines, messages)
        events, sessions = self._sessions(lines)
        times = self._times(lines)
        reason, is_used = NO_SESSION, None
        if sessions is None and self.windows is not None:
            reason, is_used = NO_TIME, times.is_not_null()
            events, sessions = self.windows.events(times)
        elif sessions is not None:
            named = np.zeros(len(lines), dtype=bool)
            named[events] = True
            is_used = pl.Series(named, dtype=pl.Boolean)
        if is_used is not None:
            events = (np.cumsum(is_used.to_numpy()) - 1)[events]
            kept, lines, messages, times = _drop(is_used, skipped, reason, kept, lines, messages, times)
        masked, values = self._masked(messages)
        distinct = masked.unique(maintain_order=True)
        code = masked.cast(pl.Enum(distinct)).to_physical().to_numpy()
        labels = self._field(lines, "label") != "-" if "label" in self._groups else None
        return Messages(kept, distinct.to_list(), code, times, labels, events, sessions, skipped, values)

    def messages(self, lines: pl.Series) -> tuple[pl.Series, pl.Series]:
        """What follows the header, and where there is one; or the field of the message."""
        if self.format.syntax != "header":
            fields = self._field(lines, self.format.message_field)
            return fields, fields.is_not_null()
        # one replacement is five times faster than taking the groups
        rest = lines.str.replace(self.format.header, _AFTER_HEADER)
        found = rest.str.starts_with(_AFTER_HEADER) & ~lines.str.starts_with(_AFTER_HEADER)
        return rest.str.slice(1), found

    def _masked(self, messages: pl.Series) -> tuple[pl.Series, pl.Series | None]:
        """(M,) the masked messages; and what was masked, the id of a session as SESSION, where it is kept."""
        marked, pattern = messages, self.masks
        if self._session_mask is not None:
            marked = messages.str.replace_all(*self._session_mask)
            pattern = f"{self.masks}|{SESSION}" if self.masks else SESSION
        values = marked.str.extract_all(pattern) if self.keep_values else None
        masked = mask(marked, self.masks)
        if self._session_mask is not None:
            masked = masked.str.replace_all(SESSION, MASK, literal=True)
        return masked, values

    def _field(self, lines: pl.Series, name: str) -> pl.Series:
        """(L,) a group of the header, or a field of JSON or logfmt; null where a line has none."""
        if self.format.syntax == "header":
            return lines.str.extract(self.format.header, 1 + self._groups.index(name))
        if self.format.syntax == "json":
            found = lines.str.json_path_match(f"$['{name}']")
            return found if "." not in name else found.fill_null(lines.str.json_path_match(f"$.{name}"))
        key = rf"(?:^|\s){re.escape(name)}="
        quoted = lines.str.extract(rf'{key}"((?:[^"\\]|\\.)*)"').str.replace_all(r"\\(.)", "$1")
        return quoted.fill_null(lines.str.extract(rf'{key}([^"\s]\S*)'))

    def _sessions(self, lines: pl.Series) -> tuple[NDArray[np.int64], pl.Series | None]:
        """The line and the session of each event; None where time windows make sessions."""
        if self.format.session_field is not None:
            named = self._field(lines, self.format.session_field)
            return np.flatnonzero(named.is_not_null().to_numpy()), named.drop_nulls()
        if self.format.session is None:
            return np.arange(len(lines), dtype=np.int64), None
        found = lines.str.extract_all(self.format.session)
        counts = found.list.len().to_numpy()
        line = np.repeat(np.arange(len(lines), dtype=np.int64), counts)
        if not counts.all():
            found = found.filter(pl.Series(counts > 0))
        named = found.explode() if len(line) else pl.Series([], dtype=pl.String)
        if self._session_groups:
            groups = named.str.extract_groups(self.format.session).struct.unnest()
            named = groups.select(pl.coalesce(pl.all())).to_series()
            if named.null_count():
                line, named = line[named.is_not_null().to_numpy()], named.drop_nulls()
        if (counts > 1).any():  # "Deleting blk_1 file /a/blk_1" is one event of blk_1
            keep = _first_of_line(line, named, counts)
            line, named = line[keep], named.filter(pl.Series(keep))
        return line, named

    def _times(self, lines: pl.Series) -> pl.Series:
        kind = pl.Datetime("us")
        if self._time_format is None:
            return pl.Series([None] * len(lines), dtype=kind)
        if self.format.time_at is not None:  # cut out, not searched for: an eighth of the time
            text = lines.str.slice(*self.format.time_at)
        else:
            text = self._field(lines, self.format.time_field or "time")
        if self._time_format == ISO:
            return _iso_times(text)
        text = self._year + text if self._year else text
        return text.str.strptime(kind, self._time_format, strict=False, cache=True)


def _iso_times(text: pl.Series) -> pl.Series:
    """(L,) Datetime("us") of ISO 8601 and RFC 3339, in UTC; without a zone as they stand."""
    plain = text.str.replace("[Tt]", " ").str.replace(",", ".", literal=True)
    plain = plain.str.replace(r"\s*([Zz]|[+-]\d\d:?\d\d)?$", " ${1}").str.replace(r" [Zz]?$", " +00:00")
    found = plain.str.strptime(pl.Datetime("us", "UTC"), "%Y-%m-%d %H:%M:%S%.f %z", strict=False)
    return found.dt.replace_time_zone(None)


def _first_of_line(
    line: NDArray[np.int64], named: pl.Series, counts: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """(E,) False where a line names a session once more."""
    is_repeated = (named == named.shift(1)).fill_null(False).to_numpy() & (np.diff(line, prepend=-1) == 0)
    keep: NDArray[np.bool_] = ~is_repeated
    many = np.flatnonzero(counts[line] > 2)
    if len(many):
        table = pl.DataFrame({"line": line[many], "session": named.gather(many)})
        keep[many] = table.select(pl.struct("line", "session").is_first_distinct()).to_series().to_numpy()
    return keep


def _drop(
    good: pl.Series,
    skipped: dict[str, NDArray[np.int64]],
    reason: str,
    kept: NDArray[np.int64],
    *columns: pl.Series,
) -> Any:
    """``kept`` and ``columns`` without the lines that are not ``good``, whose places ``skipped`` takes."""
    if good.all():
        return kept, *columns
    is_good = good.to_numpy()
    skipped[reason] = kept[~is_good]
    return kept[is_good], *(column.filter(good) for column in columns)


class LineEvents(NamedTuple):
    """The E events of some lines; a line that names several sessions is an event of each."""

    line: NDArray[np.int64]  # (E,) place of the event's line
    session: pl.Series  # (E,) session keys
    key: NDArray[np.int32]  # (E,) template ids; -1 for a message that no template matches
    time: NDArray[np.datetime64]  # (E,) microseconds, NaT where the line has none
    skipped: dict[str, NDArray[np.int64]]  # places of lines without an event, by reason


class LineParser:
    """Takes raw lines apart as the parse did that a model was trained on; learns no template."""

    def __init__(self, reader: LineReader, ids: FixedIds) -> None:
        self.reader = reader
        self.ids = ids

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> LineParser:
        """From ``parser`` of a parse.json or of a checkpoint's data."""
        windows = None if state["window"] is None else TimeWindows(**state["window"])
        ids = FixedIds(state["drains"], state["first_ids"])
        if {row["id"] for row in state["templates"]} != ids.templates().keys():
            raise UserError("the ids of its templates are not those of its drains")
        return cls(LineReader(LogFormat(**state["log_format"]), windows), ids)

    def __call__(self, lines: pl.Series) -> LineEvents:
        """The events of (L,) lines, in their order."""
        found = self.reader(lines)
        assert found.event_session is not None  # every parse has session keys or windows
        key = self.ids.assign(found.distinct, found.code)
        message = found.event_message
        time = found.time.to_numpy()[message]
        return LineEvents(found.place[message], found.event_session, key[message], time, found.skipped)


class Template(TypedDict):
    """A template as people read it."""

    id: Count
    template: str


class ParserState(TypedDict):
    """What reads raw lines, in a parse.json or a checkpoint; ``StoredParser`` is one that can be read."""

    format_version: Literal[PARSER_FORMAT]  # type: ignore[valid-type]
    log_format: Annotated[dict[str, Any], FieldsOf(LogFormat)]
    window: Annotated[dict[str, Any], FieldsOf(TimeWindows)] | None
    drains: list[StoredDrain]
    first_ids: list[Count]
    templates: list[Template]


StoredParser = Annotated[ParserState, Reads(LineParser.from_state)]
