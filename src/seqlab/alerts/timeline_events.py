"""Where the events of one block come from: a log, a parse of it, or a file of sessions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seqlab.alerts.alert import iso_time
from seqlab.alerts.sources import open_source
from seqlab.alerts.timeline import BlockEvent
from seqlab.errors import UserError
from seqlab.logs.pieces import Piece, split_piece
from seqlab.logs.reading import LONGEST_LINE

_IDS_SHOWN = 3


def events_of_sessions(path: Path, block: str, parser: dict[str, Any] | None) -> list[BlockEvent]:
    """From a file of sessions, or from the output folder of ``seqlab parse`` with the lines of its logs.

    Args:
        parser: state of the log parser of training; None after bare keys.

    Raises:
        UserError: no such block, or a folder whose template ids mean something else than those of training.
    """
    from seqlab.data.parsed_sessions import check_templates, read_parsed_sessions
    from seqlab.data.session_files import read_sessions

    parsed = None
    if path.is_dir():
        parsed = read_parsed_sessions(path)
        check_templates(str(parsed.folder), parsed.parser, parser)
    sessions = read_sessions(path) if parsed is None else parsed.sessions
    places = np.flatnonzero(sessions.ids == block)
    if not len(places):
        raise UserError(f"{path}: no block {block} among its {_told(sessions.ids.tolist(), 'sessions')}")
    keys = sessions.keys(int(places[0]))
    if parsed is None:
        return [BlockEvent(key) for key in keys]
    first, last = sessions.offsets[places[0]], sessions.offsets[places[0] + 1]
    logs = parsed.summary.get("logs", [])
    return [
        _with_line(key, offset, logs)
        for key, offset in zip(keys, parsed.line_offsets[first:last].tolist(), strict=True)
    ]


def _told(ids: list[str], what: str) -> str:
    """``4,000 sessions, such as blk_1, blk_2, blk_3``."""
    such = f", such as {', '.join(map(str, ids[:_IDS_SHOWN]))}" if ids else ""
    return f"{len(ids):,} {what}{such}"


def _with_line(key: str, offset: int, logs: list[dict[str, Any]]) -> BlockEvent:
    """An event with its line, where that is still there.

    Args:
        offset: of the line in all logs, one after the other.
    """
    log = next((log for log in reversed(logs) if offset >= log["first_offset"]), None)
    if log is None:
        return BlockEvent(key)
    own, path, text = offset - log["first_offset"], Path(log["log"]), None
    if path.suffix.lower() not in (".gz", ".zip", ".tgz", ".tar"):
        try:
            with path.open("rb") as file:
                file.seek(own)
                text = file.read(LONGEST_LINE).split(b"\n", 1)[0].removesuffix(b"\r").decode()
        except (OSError, UnicodeDecodeError):
            pass
    return BlockEvent(key, None, log["log"], own, text)


def events_of_log(path: str, block: str, parser_state: dict[str, Any]) -> list[BlockEvent]:
    """All lines of a log that belong to a block.

    Raises:
        UserError: no line names it, or a log that cannot be read to its end.
    """
    from seqlab.logs.formats import says_year
    from seqlab.logs.line_parser import LineParser

    parser = LineParser.from_state(parser_state)
    with_year = says_year(parser_state["log_format"]["time_format"])
    is_named = parser_state["log_format"]["session"] is not None
    found: list[BlockEvent] = []
    others: dict[str, None] = {}
    for piece in _pieces(path):
        if is_named and len(others) >= _IDS_SHOWN and block.encode() not in piece.content:
            continue
        lines = split_piece(piece)
        events = parser(lines.column)
        others |= dict.fromkeys(events.session.unique(maintain_order=True).head(_IDS_SHOWN).to_list())
        for event in np.flatnonzero((events.session == block).to_numpy()).tolist():
            place, time, key = int(events.line[event]), events.time[event], int(events.key[event])
            moment = None
            if not np.isnat(time):
                moment = iso_time(int(time.astype("datetime64[us]").astype(np.int64)), with_year=with_year)
            name = "<unk>" if key < 0 else str(key)
            found.append(BlockEvent(name, moment, path, int(lines.offsets[place]), lines.texts[place]))
    if not found:
        such = f"; it has such as {', '.join(list(others)[:_IDS_SHOWN])}" if others else ""
        raise UserError(f"{path}: no line of block {block}{such}")
    return found


def _pieces(path: str) -> Iterator[Piece]:
    """A whole log.

    Raises:
        UserError: it cannot be read to its end.
    """
    source = open_source(path)
    try:
        while not source.ended:
            piece = source.read(0)
            if piece is not None:
                yield piece
    finally:
        source.close()
    if source.problem is not None:
        raise UserError(f"{path}: {source.problem}")
