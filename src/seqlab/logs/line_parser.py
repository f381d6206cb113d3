"""Raw lines to events with the templates of a parse that was made before: what detection reads a log with."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqlab.errors import UserError
from seqlab.logs.formats import LogFormat
from seqlab.logs.line_reader import LineReader
from seqlab.logs.template_ids import FixedIds
from seqlab.logs.windows import TimeWindows

PARSER_FORMAT = 2


class LineEvents(NamedTuple):
    """The E events of some lines; a line that names several sessions is an event of each."""

    line: NDArray[np.int64]  # (E,) place of the event's line
    session: pl.Series  # (E,) session keys
    key: NDArray[np.int32]  # (E,) template ids; -1 for a message that no template matches
    time: NDArray[np.datetime64]  # (E,) microseconds, NaT where the line has none
    skipped: dict[str, NDArray[np.int64]]  # places of lines without an event, by reason


def check_version(state: dict[str, Any], where: str = "") -> None:
    """Raise UserError for ``parser`` of another version.

    Args:
        where: it was found, for the message.
    """
    if state.get("format_version") != PARSER_FORMAT:
        raise UserError(
            f"{where}this parser is of version {state.get('format_version')}, known is {PARSER_FORMAT}: "
            "parse the log again with seqlab parse"
        )


class LineParser:
    """Takes raw lines apart as the parse did that a model was trained on; learns no template."""

    def __init__(self, reader: LineReader, ids: FixedIds) -> None:
        self.reader = reader
        self.ids = ids

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> LineParser:
        """From ``parser`` of a parse.json or of a checkpoint's data.

        Raises:
            UserError: a state of another version.
        """
        check_version(state)
        windows = None if state["window"] is None else TimeWindows(**state["window"])
        reader = LineReader(LogFormat.from_state(state["log_format"]), windows)
        return cls(reader, FixedIds(state["drains"], state["first_ids"]))

    def __call__(self, lines: pl.Series) -> LineEvents:
        """The events of (L,) lines, in their order."""
        found = self.reader(lines)
        assert found.event_session is not None  # every parse has session keys or windows
        key = self.ids.assign(found.distinct, found.code)
        message = found.event_message
        time = found.time.to_numpy()[message]
        return LineEvents(found.place[message], found.event_session, key[message], time, found.skipped)
