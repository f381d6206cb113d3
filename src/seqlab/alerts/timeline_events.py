"""Where the events of one block come from: a log, a parse of it, or a file of sessions."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.lines import LONGEST_LINE, Piece, split_lines
from seqlab.alerts.timeline import BlockEvent
from seqlab.errors import UserError

_IDS_SHOWN = 3


def events_of_sessions(path: Path, block: str, parser: dict[str, Any] | None) -> list[BlockEvent]:
    """From a file of sessions, or from the output folder of ``seqlab parse`` with the lines of its logs.

    Args:
        parser: state of the log parser of training; None after bare keys.

    Raises:
        UserError: no such block, or a folder whose template ids mean something else than those of training.
    """
    if not path.is_dir():
        from seqlab.data.session_files import read_sessions

        sessions = read_sessions(path)
        return [BlockEvent(key) for key in sessions.keys(_find(sessions.ids, block, path))]
    from seqlab.data.parsed_sessions import check_templates, read_parsed_sessions

    parsed = read_parsed_sessions(path)
    check_templates(parsed, parser)
    place = _find(parsed.sessions.ids, block, path)
    offsets = parsed.line_offsets[parsed.sessions.offsets[place] : parsed.sessions.offsets[place + 1]]
    read = _line_reader(parsed.summary.get("logs", []))
    return [
        BlockEvent(key, None, *read(int(offset)))
        for key, offset in zip(parsed.sessions.keys(place), offsets.tolist(), strict=True)
    ]


def _find(ids: NDArray, block: str, path: Path) -> int:
    found = np.flatnonzero(ids == block)
    if not len(found):
        raise UserError(f"{path}: no block {block} among its {_told(list(map(str, ids)), block, 'sessions')}")
    return int(found[0])


def _told(ids: Collection[str], block: str, what: str) -> str:
    """``4,000 sessions; the nearest are blk_1, blk_2 and blk_3``."""
    if not ids:
        return f"0 {what}"
    nearest = nearest_ids(ids, block)
    are = "is" if len(nearest) == 1 else "are"
    return f"{len(ids):,} {what}; the nearest {are} {', '.join(nearest)}"


def nearest_ids(ids: Collection[str], wanted: str, most: int = _IDS_SHOWN) -> list[str]:
    """Those that share the most letters with it at both ends, or within; the first of equal ones."""

    def likeness(name: str) -> int:
        if wanted and (wanted in name or name in wanted):
            return min(len(wanted), len(name))
        begins = _common(name, wanted)
        return begins + min(_common(name[::-1], wanted[::-1]), min(len(name), len(wanted)) - begins)

    return heapq.nlargest(most, ids, key=likeness)


def _common(one: str, other: str) -> int:
    """How many letters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _line_reader(logs: list[dict[str, Any]]) -> Callable[[int], tuple[str | None, int | None, str | None]]:
    """From an offset in all logs, one after the other, to file, offset in it and text where it is there."""

    def read(offset: int) -> tuple[str | None, int | None, str | None]:
        for log in reversed(logs):
            if offset >= log["first_offset"]:
                own = offset - log["first_offset"]
                return log["log"], own, _line_at(Path(log["log"]), own)
        return None, None, None

    return read


def _line_at(path: Path, offset: int) -> str | None:
    """A line of a plain file that is still there."""
    if path.suffix.lower() in (".gz", ".zip", ".tgz", ".tar"):
        return None
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(LONGEST_LINE).split(b"\n", 1)[0].removesuffix(b"\r").decode()
    except (OSError, UnicodeDecodeError):
        return None


def events_of_log(path: str, block: str, parser_state: dict[str, Any]) -> list[BlockEvent]:
    """All lines of a log that belong to a block.

    Raises:
        UserError: no line names it, or a log that cannot be read to its end.
    """
    from seqlab.alerts.alert import iso_time
    from seqlab.logs.formats import says_year
    from seqlab.logs.line_parser import LineParser

    parser = LineParser.from_state(parser_state)
    with_year = says_year(parser_state["log_format"]["time_format"])
    named_in_line = parser_state["log_format"]["session"] is not None
    found: list[BlockEvent] = []
    for piece in _pieces(path):
        if named_in_line and block.encode() not in piece.content:
            continue
        lines = split_lines(piece)
        kept = np.arange(len(lines.texts))
        if named_in_line:
            kept = np.asarray(
                [place for place, text in enumerate(lines.texts) if block in text], dtype=np.int64
            )
        events = parser(lines.column.gather(kept))
        for event in np.flatnonzero((events.session == block).to_numpy()).tolist():
            place = int(kept[events.line[event]])
            time = events.time[event]
            moment = None if np.isnat(time) else int(time.astype("datetime64[us]").astype(np.int64))
            key = int(events.key[event])
            name = "<unk>" if key < 0 else str(key)
            shown = iso_time(moment, with_year=with_year)
            found.append(BlockEvent(name, shown, path, int(lines.offsets[place]), lines.texts[place]))
    if not found:
        ids: dict[str, None] = {}
        for piece in _pieces(path):
            ids |= dict.fromkeys(parser.sessions(split_lines(piece).column).to_list())
        raise UserError(f"{path}: no line of block {block}; it has {_told(ids, block, 'blocks')}")
    return found


def _pieces(path: str) -> Iterator[Piece]:
    """A whole log.

    Raises:
        UserError: it cannot be read to its end.
    """
    from seqlab.alerts.source import GzipSource
    from seqlab.alerts.tail import FileSource

    source = GzipSource(path) if path.lower().endswith(".gz") else FileSource(path)
    try:
        while not source.ended:
            piece = source.read(0)
            if piece is not None:
                yield piece
    finally:
        source.close()
    if source.problem is not None:
        raise UserError(f"{path}: {source.problem}")
