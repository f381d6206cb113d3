"""The bytes of a chunk as columns: lines, offsets, headers, messages, session keys."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.logs.formats import LogFormat, group_names, group_span, says_year
from seqlab.logs.masking import mask, mask_pattern
from seqlab.logs.reading import LONGEST_LINE, split_lines
from seqlab.logs.session_masks import MARK, SessionMask

NO_HEADER, NO_SESSION, NOT_UTF8, TOO_LONG = "no header", "no session", "not UTF-8", "too long"
_PACKED = (b"x", b"\x1f", b"\x28")  # the first bytes of zlib, gzip and zstd
_AFTER_HEADER = "\x02"  # marks where the header was
NO_TEXT = "\x00\x02not UTF-8"  # stands in for a line that cannot be decoded: no header matches it


def read_lines(content: bytes) -> tuple[pl.Series, NDArray[np.int64]]:
    """(L,) lines without their ends, and the byte where each begins. Ends are LF or CRLF.

    A line that is no UTF-8 is NO_TEXT.
    """
    try:
        # polars unpacks what begins like a zlib, gzip or zstd stream; what begins with a line's end does not
        looks_packed = content.startswith(_PACKED)
        lines = pl.read_lines(io.BytesIO(b"\n" + content if looks_packed else content)).to_series()
        lines = lines.slice(1) if looks_packed else lines
    except pl.exceptions.ComputeError:  # bytes that are no UTF-8: line by line
        raw, places = split_lines(content)
        return pl.Series([_decode(line) for line in raw], dtype=pl.String), np.array(places, dtype=np.int64)
    if b"\r" in content:
        ends = np.flatnonzero(np.frombuffer(content, np.uint8) == ord("\n")) + 1
        return lines, np.concatenate(([0], ends))[: len(lines)]
    sizes = lines.str.len_bytes().to_numpy().astype(np.int64) + 1
    return lines, np.cumsum(sizes) - sizes


def _decode(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return NO_TEXT


@dataclass(frozen=True)
class Messages:
    """The M lines of L that have a header and, where the format names sessions, belong to one.

    E events: a line that names several sessions is an event of each.
    """

    place: NDArray[np.int64]  # (M,) which line
    distinct: list[str]  # (U,) masked messages
    code: NDArray[np.integer]  # (M,) which of them
    time: pl.Series  # (M,) Datetime("us"), null where there is none
    abnormal: pl.Series | None  # (M,) Boolean, where the header has a label
    event_message: NDArray[np.int64]  # (E,) which message, non-decreasing
    event_session: pl.Series | None  # (E,) session keys; None where time windows make sessions
    skipped: dict[str, NDArray[np.int64]]  # by reason: which lines
    values: pl.Series | None  # (M,) List(String), what each MASK of the message stands for, where kept


class LineReader:
    """Takes lines of one format apart. Compiled once, used for every chunk.

    Args:
        keep_values: keep what was masked, too; it costs a second search of every message.
    """

    def __init__(self, log_format: LogFormat, *, keep_values: bool = False) -> None:
        self.format = log_format
        self.keep_values = keep_values
        self.masks = mask_pattern(log_format.masks, log_format.general_masks)
        self._session_mask = (
            SessionMask(log_format.session) if log_format.mask_session and log_format.session else None
        )
        self._groups = group_names(log_format.header)
        self._time_format = log_format.time_format if "time" in self._groups else None
        self._year = ""
        if self._time_format is not None and not says_year(self._time_format):
            # syslog says no year: all of a log fall into one leap year
            self._year, self._time_format = "1972 ", f"%Y {self._time_format}"
        self._time_span = group_span(log_format.header, "time")
        self._session_groups = len(group_names(log_format.session)) if log_format.session else 0

    def __call__(self, lines: pl.Series) -> Messages:
        """Take (L,) lines apart."""
        skipped: dict[str, NDArray[np.int64]] = {}
        kept = np.arange(len(lines), dtype=np.int64)
        good = lines.str.len_bytes() <= LONGEST_LINE
        lines, kept = _drop(lines, kept, good, skipped, TOO_LONG)
        lines, kept = _drop(lines, kept, lines != NO_TEXT, skipped, NOT_UTF8)
        messages, has_header = self._messages(lines)
        if not has_header.all():
            messages = messages.filter(has_header)
        lines, kept = _drop(lines, kept, has_header, skipped, NO_HEADER)
        events, sessions = self.sessions(lines)
        if sessions is not None:
            named = np.zeros(len(lines), dtype=bool)
            named[events] = True
            if not named.all():
                messages = messages.filter(pl.Series(named))
                events = (np.cumsum(named) - 1)[events]
                lines, kept = _drop(lines, kept, pl.Series(named), skipped, NO_SESSION)
        masked = self._masked(messages)
        values = self._values(messages) if self.keep_values else None
        distinct = masked.unique(maintain_order=True)
        code = masked.cast(pl.Enum(distinct)).to_physical().to_numpy()
        return Messages(
            kept,
            distinct.to_list(),
            code,
            self._times(lines),
            self._labels(lines),
            events,
            sessions,
            skipped,
            values,
        )

    def _masked(self, messages: pl.Series) -> pl.Series:
        if self._session_mask is None:
            return mask(messages, self.masks)
        return self._session_mask.finish(mask(self._session_mask.mark(messages), self.masks))

    def _values(self, messages: pl.Series) -> pl.Series:
        """(M,) List(String): what ``_masked`` masks, in order; the id of a session is MARK."""
        if self._session_mask is None:
            return messages.str.extract_all(self.masks)
        return self._session_mask.mark(messages).str.extract_all(f"{self.masks}|{MARK}")

    def _messages(self, lines: pl.Series) -> tuple[pl.Series, pl.Series]:
        """What follows the header, and where there is one."""
        if "content" in self._groups:
            fields = lines.str.extract_groups(self.format.header).struct.field("content")
            return fields, fields.is_not_null()
        # one replacement is five times faster than taking the groups
        rest = lines.str.replace(self.format.header, _AFTER_HEADER)
        found = rest.str.starts_with(_AFTER_HEADER) & ~lines.str.starts_with(_AFTER_HEADER)
        return rest.str.slice(1), found

    def sessions(self, lines: pl.Series) -> tuple[NDArray[np.int64], pl.Series | None]:
        """The line and the session of each event; None where time windows make sessions."""
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
        if self._time_span is None:
            text = lines.str.extract(self.format.header, 1 + self._groups.index("time"))
        else:  # cut out, not searched for: an eighth of the time
            text = lines.str.slice(*self._time_span)
        return (self._year + text if self._year else text).str.strptime(
            kind, self._time_format, strict=False, cache=True
        )

    def _labels(self, lines: pl.Series) -> pl.Series | None:
        if "label" not in self._groups:
            return None
        return lines.str.extract(self.format.header, 1 + self._groups.index("label")) != "-"


def _first_of_line(
    line: NDArray[np.int64], named: pl.Series, counts: NDArray[np.integer]
) -> NDArray[np.bool_]:
    """(E,) False where a line names a session once more."""
    keep: NDArray[np.bool_] = ~(
        (named == named.shift(1)).fill_null(False).to_numpy() & (np.diff(line, prepend=-1) == 0)
    )
    many = np.flatnonzero(counts[line] > 2)
    if len(many):
        table = pl.DataFrame({"line": line[many], "session": named.gather(many)})
        keep[many] = table.select(pl.struct("line", "session").is_first_distinct()).to_series().to_numpy()
    return keep


def _drop(
    lines: pl.Series,
    kept: NDArray[np.int64],
    good: pl.Series,
    skipped: dict[str, NDArray[np.int64]],
    reason: str,
) -> tuple[pl.Series, NDArray[np.int64]]:
    if good.all():
        return lines, kept
    mask_array = good.to_numpy()
    skipped[reason] = kept[~mask_array]
    return lines.filter(good), kept[mask_array]
