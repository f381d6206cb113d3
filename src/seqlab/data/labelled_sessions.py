"""Files of sessions with a label each: one file that says both, or sessions and a file of their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqlab.data.labelled_files import csv_rows
from seqlab.data.labelled_items import LabelledItems
from seqlab.data.parsed_sessions import read_parsed_sessions
from seqlab.data.raw_logs import plain_keys, refuse_raw_log
from seqlab.data.sequences import LABEL_NAMES, Sessions
from seqlab.data.session_files import is_pickle, read_sessions, refuse_duplicates
from seqlab.data.text_files import read_lines
from seqlab.errors import UserError

FORMAT = (
    "`id,label,event event ...` or `id,event event ...` a line, a CSV with columns such as BlockId, Label, "
    "EventSequence, a pickled dict {id: [events]}, or a folder of seqlab parse"
)
LABEL_FORMAT = "`id,label` a line, with or without a header such as BlockId,Label"
IDS, LABELS = ("id", "session", "session_id", "blockid", "block_id"), ("label", "class")
EVENTS = ("events", "keys", "eventsequence", "features", "sequence")


@dataclass(frozen=True)
class EventRows:
    """N sessions as their file has them."""

    ids: tuple[str, ...]
    events: tuple[str, ...]  # of each, with single spaces between
    labels: tuple[str | None, ...] | None  # None: the file has none
    lines: tuple[int, ...]  # number of the line or entry, from 1


def read_labelled_sessions(path: str | Path, label_file: str | Path | None = None) -> LabelledItems:
    """Read sessions with a label each; labels may be any words.

    Args:
        label_file: what the labels are, where the sessions' own file does not say it; it goes before that.

    Raises:
        UserError: a file that cannot be read, that has no labels, or a session without one; names the line.
    """
    path = Path(path)
    rows = read_event_rows(path)
    labels: Sequence[str | None]
    if label_file is not None:
        known = read_class_labels(label_file)
        labels = [known.get(name) for name in rows.ids]
        where = str(label_file)
    elif rows.labels is not None:
        labels, where = rows.labels, str(path)
    else:
        raise UserError(
            f"{path}: its sessions have no labels; add a column, as `id,label,event event ...`, or give "
            f"data.labels=FILE of {LABEL_FORMAT}"
        )
    missing = [name for name, label in zip(rows.ids, labels, strict=True) if not label]
    if missing:
        raise UserError(
            f"{where}: no label for {len(missing)} of {len(labels)} sessions, the first is {missing[0]}; "
            "leave such sessions out, or label them"
        )
    found = tuple(label for label in labels if label)
    return LabelledItems(rows.events, found, np.array(rows.lines, dtype=np.int64), str(path), rows.ids)


def read_class_labels(path: str | Path) -> dict[str, str]:
    """{session id: label} of a CSV of both.

    Raises:
        UserError: a file that cannot be read, a line of other fields, an empty label, a session twice; names
            the line.
    """
    path = Path(path)
    rows = csv_rows(path, LABEL_FORMAT)
    heads = [cell.strip().lower() for cell in rows[0][1]]
    place, label_place, width = 0, 1, 2
    if set(heads) & set(LABELS) and set(heads) & set(IDS):
        place, label_place, width = _place(heads, IDS), _place(heads, LABELS), len(heads)
        rows = rows[1:]
    found: dict[str, str] = {}
    for number, cells in rows:
        if len(cells) != width:
            raise UserError(
                f"{path}, line {number}: {len(cells)} fields, not {width}; expected {LABEL_FORMAT}"
            )
        name, label = cells[place].strip(), cells[label_place].strip()
        if not label:
            raise UserError(f"{path}, line {number}: the label of {name} is empty; leave the line out")
        if name in found:
            raise UserError(f"{path}, line {number}: session {name} is labelled twice")
        found[name] = label
    return found


def read_event_rows(path: Path) -> EventRows:
    """The sessions of a file, told apart by content; events may be any words without spaces.

    Raises:
        UserError: a file that cannot be read, a raw log, a session without events or twice; names the line.
    """
    if path.is_dir():
        return _of_sessions(read_parsed_sessions(path).sessions)
    if path.exists():
        refuse_raw_log(path, "then give DIR in its place")
    if is_pickle(path):
        return _of_sessions(read_sessions(path))
    rows = _from_table(path) or _from_lines(path)
    refuse_duplicates(path, rows.ids, lambda index: f"line {rows.lines[index]}")
    return rows


def _of_sessions(sessions: Sessions) -> EventRows:
    """Labels Normal and Anomaly where a file or folder says them of any session."""
    labels = [LABEL_NAMES.get(label) for label in sessions.labels.tolist()]
    return EventRows(
        tuple(sessions.ids.tolist()),
        tuple(" ".join(sessions.keys(session)) for session in range(len(sessions))),
        tuple(labels) if any(labels) else None,
        tuple(range(1, len(sessions) + 1)),
    )


def _from_table(path: Path) -> EventRows | None:
    """The rows of a CSV whose header names ids and events; None of any other file."""
    first = next(line for line in read_lines(path, FORMAT) if line.strip())
    heads = [cell.strip().strip('"').lower() for cell in first.split(",")]
    if not (set(heads) & set(IDS) and set(heads) & set(EVENTS)):
        return None
    rows = csv_rows(path, FORMAT, ",")
    ids, events = _place(heads, IDS), _place(heads, EVENTS)
    has_labels = bool(set(heads) & set(LABELS))
    found: list[tuple[str, str, str, int]] = []
    for number, cells in rows[1:]:
        if len(cells) != len(heads):
            raise UserError(
                f"{path}, line {number}: {len(cells)} fields, the header has {len(heads)}; expected {FORMAT}"
            )
        label = cells[_place(heads, LABELS)].strip() if has_labels else ""
        found.append((cells[ids].strip(), label, _events(path, number, cells[events]), number))
    return _rows(path, found, has_labels)


def _from_lines(path: Path) -> EventRows:
    """Lines of ``id,label,events``, ``id,events`` or events alone: all as the first one."""
    num_commas: int | None = None
    found: list[tuple[str, str, str, int]] = []
    for number, line in enumerate(read_lines(path, FORMAT), start=1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split(",", 2)]
        if len(fields) == 3 and fields[1].lstrip('"').startswith("["):  # a list of Python's
            fields = [fields[0], line.partition(",")[2]]
        if num_commas is None:
            num_commas = len(fields) - 1
        if len(fields) - 1 != num_commas:
            raise UserError(
                f"{path}, line {number}: {len(fields)} fields, the lines before have {num_commas + 1}; "
                f"expected {FORMAT}"
            )
        name = fields[0] if num_commas else f"{Path(path.parent.name) / path.name}:{number}"
        label = fields[1] if num_commas == 2 else ""
        found.append((name, label, _events(path, number, fields[-1]), number))
    return _rows(path, found, num_commas == 2)


def _rows(path: Path, found: Sequence[tuple[str, str, str, int]], has_labels: bool) -> EventRows:
    if not found:
        raise UserError(f"{path}: no session in it; expected {FORMAT}")
    ids, labels, events, lines = zip(*found, strict=True)
    if "" in ids:
        raise UserError(f"{path}, line {lines[ids.index('')]}: the id is empty; expected {FORMAT}")
    return EventRows(ids, events, labels if has_labels else None, lines)


def _events(path: Path, number: int, text: str) -> str:
    """The events of a line, single spaces between."""
    events = plain_keys(text).split()
    if not events:
        raise UserError(f"{path}, line {number}: a session without events; leave the line out")
    return " ".join(events)


def _place(heads: Sequence[str], names: Sequence[str]) -> int:
    return next(place for place, head in enumerate(heads) if head in names)
