"""DataModule of labelled sessions of events: from the user's files, or simulated HDFS blocks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from seqlab.data.csv_files import csv_rows
from seqlab.data.labelled import LabelledItems, NewItems, SequenceCoder
from seqlab.data.labelled_data import LabelledData
from seqlab.data.parsed_sessions import read_parsed_sessions
from seqlab.data.raw_logs import plain_keys, refuse_raw_log
from seqlab.data.sequences import LABEL_NAMES, LABEL_NORMAL, Sessions
from seqlab.data.session_files import is_pickle, read_sessions, refuse_duplicates
from seqlab.data.text_files import read_lines
from seqlab.errors import UserError

NORMAL = "normal"  # the label of a simulated block that is no anomaly
FORMAT = (
    "`id,label,event event ...` or `id,event event ...` a line, a CSV with columns such as BlockId, Label, "
    "EventSequence, a pickled dict {id: [events]}, or a folder of seqlab parse"
)
LABEL_FORMAT = "`id,label` a line, with or without a header such as BlockId,Label"
IDS, LABELS = ("id", "session", "session_id", "blockid", "block_id"), ("label", "class")
EVENTS = ("events", "keys", "eventsequence", "features", "sequence")


@dataclass(frozen=True, kw_only=True)
class EventCoder(SequenceCoder):
    """Sessions by event; files hold them with spaces between."""

    def tokens(self, text: str) -> list[str]:
        return text.split()

    def read_new(self, path: Path) -> NewItems:
        """A file of sessions as training reads them; labels in it are passed over."""
        rows = read_event_rows(path)
        return NewItems(rows.texts, rows.ids, 0)


class LabelledEvents(LabelledData):
    """Sessions with a label each, of any number of classes; events may be any words without spaces.

    Sessions are split one by one: equal ones may stand in several parts, as they occur in life.

    Args:
        labels: a CSV of session id and label, where the sessions' own files do not hold their labels.
        sample: ``num_sessions``, ``abnormal_share`` and ``seed`` of the simulated blocks, whose labels are
            ``normal`` and the kinds of anomaly.
        max_length: events of a session that are read.
        **settings: those of LabelledData; each file is ``id,label,event event ...`` a line, or one of the
            formats of sessions.

    Raises:
        UserError: for a setting out of range; at ``setup``, for files that cannot be read or do not fit.
    """

    equal_together: ClassVar[bool] = False

    def __init__(self, *, labels: str | Path | None = None, max_length: int = 512, **settings: Any) -> None:
        super().__init__(max_length=max_length, **settings)
        if labels is not None and self.source.is_sample:
            raise UserError("data.labels without sessions: give data.path=, or data.train= and data.test=")
        self.labels = labels

    @property
    def noun(self) -> str:
        return "session"

    def read(self, path: str | Path) -> LabelledItems:
        return read_labelled_sessions(path, self.labels)

    def simulate(self) -> LabelledItems:
        from seqlab.data.samples.hdfs_blocks import SYNTHETIC_NOTICE, simulate_blocks

        settings = {"num_sessions": 3000, "abnormal_share": 0.4, "seed": 0} | self.sample
        blocks = simulate_blocks(settings.pop("num_sessions"), **settings)
        self.notices.append(SYNTHETIC_NOTICE)
        sessions = blocks.sessions
        kinds = zip(sessions.labels.tolist(), blocks.kinds, strict=True)
        labels = [NORMAL if label == LABEL_NORMAL else kind for label, kind in kinds]
        return _items(sessions, labels, "data.sample")

    def fit_coder(self, train: LabelledItems) -> EventCoder:
        coder = EventCoder(
            labels=tuple(sorted(set(train.labels))),
            unit="event",
            noun=self.noun,
            boundaries=self.boundaries,
            max_length=self.max_length,
        )
        return coder.with_vocabulary(train, self.min_count)


def read_labelled_sessions(path: str | Path, label_file: str | Path | None = None) -> LabelledItems:
    """Read sessions with a label each; labels may be any words.

    Args:
        label_file: what the labels are, where the sessions' own file does not say it; it goes before that.

    Raises:
        UserError: a file that cannot be read, that has no labels, or a session without one; names the line.
    """
    rows, where = read_event_rows(Path(path)), str(path)
    if label_file is not None:
        known, where = read_class_labels(label_file), str(label_file)
        rows = replace(rows, labels=tuple(known.get(name, "") for name in rows.names))
    elif not any(rows.labels):
        raise UserError(
            f"{path}: its sessions have no labels; add a column, as `id,label,event event ...`, or give "
            f"data.labels=FILE of {LABEL_FORMAT}"
        )
    missing = [name for name, label in zip(rows.names, rows.labels, strict=True) if not label]
    if missing:
        raise UserError(
            f"{where}: no label for {len(missing)} of {len(rows)} sessions, the first is {missing[0]}; "
            "leave such sessions out, or label them"
        )
    return rows


def read_class_labels(path: str | Path) -> dict[str, str]:
    """{session id: label} of a CSV of both.

    Raises:
        UserError: a file that cannot be read, a line of other fields, an empty label, a session twice; names
            the line.
    """
    rows = csv_rows(Path(path), LABEL_FORMAT)
    heads = _heads(rows[0][1])
    first, label_at, width = 0, 1, 2
    if {*heads} & {*LABELS} and {*heads} & {*IDS}:
        first, label_at, width, rows = _column(heads, IDS), _column(heads, LABELS), len(heads), rows[1:]
    found: dict[str, str] = {}
    for number, cells in rows:
        if len(cells) != width:
            raise UserError(
                f"{path}, line {number}: {len(cells)} fields, not {width}; expected {LABEL_FORMAT}"
            )
        name, label = cells[first].strip(), cells[label_at].strip()
        if not label:
            raise UserError(f"{path}, line {number}: the label of {name} is empty; leave the line out")
        if name in found:
            raise UserError(f"{path}, line {number}: session {name} is labelled twice")
        found[name] = label
    return found


def read_event_rows(path: Path) -> LabelledItems:
    """The sessions of a file, told apart by content, with an empty label where the file has none.

    Raises:
        UserError: a file that cannot be read, a raw log, a session without events or twice; names the line.
    """
    if path.is_dir() or is_pickle(path):
        sessions = read_parsed_sessions(path).sessions if path.is_dir() else read_sessions(path)
        return _items(sessions, [LABEL_NAMES.get(label, "") for label in sessions.labels.tolist()], str(path))
    if path.exists():
        refuse_raw_log(path, "then give DIR in its place")
    lines = read_lines(path, FORMAT)
    heads = _heads(next(line for line in lines if line.strip()).split(","))
    is_table = {*heads} & {*IDS} and {*heads} & {*EVENTS}
    rows = _table_rows(path, heads) if is_table else _line_rows(path, lines)
    if not rows:
        raise UserError(f"{path}: no session in it; expected {FORMAT}")
    for number, name, _, events in rows:
        if not name:
            raise UserError(f"{path}, line {number}: the id is empty; expected {FORMAT}")
        if not events:
            raise UserError(f"{path}, line {number}: a session without events; leave the line out")
    numbers, ids, labels, texts = zip(*rows, strict=True)
    refuse_duplicates(path, ids, lambda row: f"line {numbers[row]}")
    return LabelledItems(texts, labels, np.array(numbers, dtype=np.int64), str(path), ids)


Row = tuple[int, str, str, str]  # line, id, label or nothing, events with single spaces between


def _table_rows(path: Path, heads: Sequence[str]) -> list[Row]:
    """The rows of a CSV whose header names ids and events."""
    id_at, events_at = _column(heads, IDS), _column(heads, EVENTS)
    label_at = _column(heads, LABELS) if {*heads} & {*LABELS} else None
    found = []
    for number, cells in csv_rows(path, FORMAT, ",")[1:]:
        if len(cells) != len(heads):
            raise UserError(
                f"{path}, line {number}: {len(cells)} fields, the header has {len(heads)}; expected {FORMAT}"
            )
        label = "" if label_at is None else cells[label_at].strip()
        found.append((number, cells[id_at].strip(), label, _events(cells[events_at])))
    return found


def _line_rows(path: Path, lines: Sequence[str]) -> list[Row]:
    """Lines of ``id,label,events``, ``id,events`` or events alone: all as the first one."""
    width: int | None = None
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split(",", 2)]
        if len(fields) == 3 and fields[1].lstrip('"').startswith("["):  # a list of Python's
            fields = [fields[0], line.partition(",")[2]]
        width = len(fields) if width is None else width
        if len(fields) != width:
            raise UserError(
                f"{path}, line {number}: {len(fields)} fields, the lines before have {width}; expected "
                f"{FORMAT}"
            )
        name = fields[0] if width > 1 else f"{Path(path.parent.name) / path.name}:{number}"
        found.append((number, name, fields[1] if width == 3 else "", _events(fields[-1])))
    return found


def _items(sessions: Sessions, labels: Sequence[str], source: str) -> LabelledItems:
    texts = tuple(" ".join(sessions.keys(session)) for session in range(len(sessions)))
    lines = np.arange(1, len(sessions) + 1)
    return LabelledItems(texts, tuple(labels), lines, source, tuple(sessions.ids.tolist()))


def _events(text: str) -> str:
    return " ".join(plain_keys(text).split())


def _heads(cells: Sequence[str]) -> list[str]:
    return [cell.strip().strip('"').lower() for cell in cells]


def _column(heads: Sequence[str], names: Collection[str]) -> int:
    return next(number for number, head in enumerate(heads) if head in names)
