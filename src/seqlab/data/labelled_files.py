"""Files of labelled sequences: tables of texts or sessions with their labels, and files of new ones.

All are read as tables: a header names the columns in any order, and without one their number says what they
are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlab.data.csv_files import Row, csv_rows, delimiter_of, shown_names
from seqlab.data.labelled import LabelledItems
from seqlab.data.line_counts import BLANK, LineCounts
from seqlab.data.parsed_sessions import read_parsed_sessions
from seqlab.data.raw_logs import plain_keys, refuse_raw_log
from seqlab.data.sequences import LABEL_NAMES, Sessions
from seqlab.data.session_files import is_pickle, read_sessions, refuse_duplicates
from seqlab.data.text_files import clean, read_lines
from seqlab.errors import UserError, shown

TEXT_FORMAT = (
    'one "name","label" a line, or columns headed name (or text, sentence) and label; '
    "data.columns=[review,sentiment] names others"
)
NEW_FORMAT = "one name (or text) a line, or a CSV or TSV with a column headed name, text or sentence"
EVENT_FORMAT = (
    "`id,label,event event ...` or `id,event event ...` a line, a CSV with columns such as BlockId, Label, "
    "EventSequence, a pickled dict {id: [events]}, or a folder of seqlab parse"
)
LABEL_FORMAT = "`id,label` a line, with or without a header such as BlockId,Label"
TEXTS = ("name", "text", "sentence")
IDS, LABELS = ("id", "session", "session_id", "blockid", "block_id"), ("label", "class")
EVENTS = ("events", "keys", "eventsequence", "features", "sequence")


def read_table(
    path: Path,
    headings: Mapping[str, Collection[str]],
    layouts: Sequence[Sequence[str]],
    expected: str,
    delimiter: str | None = None,
    *,
    needs_header: bool = False,
    lines: Sequence[str] | None = None,
    counts: LineCounts | None = None,
) -> tuple[list[Row], dict[str, list[str]]]:
    """The rows but the header, and the cleaned cells of each column that has a role.

    Args:
        headings: what a column of each role may be headed, in lower case.
        layouts: the roles of the columns of a file without a header, of different numbers; a header names
            those of one of them, and may name further columns, which are left out.
        expected: what the file should hold, for messages.
        lines: the file's, where they were read before; at least one is not blank.

    Raises:
        UserError: a file that cannot be read, a header without a column that is needed, or a line with
            another number of cells; names the line.
    """
    rows = list(csv_rows(path, expected, delimiter, lines=lines, counts=counts))
    heads = [cell.strip().strip('"').lower() for cell in rows[0].cells]
    named = {
        role: next(heads.index(name) for name in names if name in heads)
        for role, names in headings.items()
        if {*names} & {*heads}
    }
    width = len(heads)
    layout = max((each for each in layouts if {*each} <= {*named}), key=len, default=None)
    if layout is not None:
        rows = rows[1:]
    elif needs_header or (named and len(rows) > 2):
        missing = next(role for role in layouts[-1] if role not in named)
        raise UserError(
            f"{path}, line {rows[0].line}: a header without a column {' or '.join(headings[missing])}: its "
            f"columns are {shown_names(heads)}; expected {expected}"
        )
    else:
        layout = next((each for each in layouts if len(each) == width), layouts[0])
        named, width = {role: place for place, role in enumerate(layout)}, len(layout)
    for row in rows:
        if len(row.cells) != width:
            raise UserError(
                f"{path}, line {row.line}: {len(row.cells)} fields, not {width}; expected {expected}"
            )
    return rows, {role: [clean(row.cells[named[role]]) for row in rows] for role in layout}


def read_labelled_texts(
    path: str | Path,
    columns: Sequence[str] | None = None,
    delimiter: str | None = None,
    noun: str = "text",
    counts: LineCounts | None = None,
) -> LabelledItems:
    """Read a table of text,label; with a header in any order further columns are left out.

    In a file divided by tabs quotes are characters like others. Blank lines are passed over.

    Args:
        columns: what the columns of text and label are headed, where it is not name, text or sentence, and
            label.
        delimiter: between columns; None: a tab, comma, semicolon or bar, the first that the first line holds.
        noun: what a text is called in messages.

    Raises:
        UserError: as ``read_table`` does; a line without a text or label; fewer than two texts.
    """
    path = Path(path)
    texts, labels = ((columns[0].lower(),), (columns[1].lower(),)) if columns else (TEXTS, ("label",))
    headings, layouts = {"text": texts, "label": labels}, [("text", "label")]
    needs_header = columns is not None
    rows, table = read_table(
        path, headings, layouts, TEXT_FORMAT, delimiter, needs_header=needs_header, counts=counts
    )
    for what, values in ((noun, table["text"]), ("label", table["label"])):
        if "" in values:
            number = rows[values.index("")].line
            raise UserError(f"{path}, line {number}: the {what} is empty; expected {TEXT_FORMAT}")
    if len(rows) < 2:
        raise UserError(f"{path}: it holds {len(rows)} {noun}s with a label; give at least 2")
    return LabelledItems(tuple(table["text"]), tuple(table["label"]), _lines(rows), str(path))


def read_texts(
    path: Path,
    column: str | None = None,
    delimiter: str | None = None,
    noun: str = "text",
    counts: LineCounts | None = None,
) -> list[str]:
    """Texts of a text file or of a table's column; ``counts`` gets the lines without one.

    A file is a table if it is called .csv or .tsv (or that and .gz), or if its first line, without spaces,
    heads a column name, text, sentence or ``column``. A table without a header has them in the first of at
    most two columns, as in training files.

    Raises:
        UserError: a file that cannot be read or holds no text, or a ragged table; names the line.
    """
    counts = counts or LineCounts(path)
    lines = read_lines(path, NEW_FORMAT, counts)
    headings = (column.lower(),) if column else TEXTS
    first = next(line for line in lines if line.strip())
    heads = {cell.strip().strip('"').lower() for cell in first.split(delimiter or delimiter_of(first))}
    is_table = path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv"))
    if is_table or (heads & {*headings} and " " not in first):
        lines = read_lines(path, NEW_FORMAT, counts, is_prose=False)
        layouts = [("text",), ("text", "label")]
        roles = {"text": headings, "label": ("label",)}
        rows, table = read_table(path, roles, layouts, NEW_FORMAT, delimiter, lines=lines, counts=counts)
        found = table["text"]
        counts.skipped[f"without a {noun}"] += sum(
            row.num_lines for row, text in zip(rows, found, strict=True) if not text
        )
    else:
        found = [clean(line) for line in lines]
        counts.skipped[BLANK] += found.count("")
    texts = [text for text in found if text]
    if not texts:
        raise UserError(f"{path}: no {noun} in it; expected {NEW_FORMAT}")
    return texts


def read_labelled_sessions(
    path: str | Path, label_file: str | Path | None = None, counts: LineCounts | None = None
) -> LabelledItems:
    """Read sessions with a label each; labels may be any words.

    Args:
        label_file: what the labels are, where the sessions' own file does not say it; it goes before that.

    Raises:
        UserError: a file that cannot be read, that has no labels, or a session without one; names the line.
    """
    rows, where = read_event_rows(Path(path), counts), str(path)
    if label_file is not None:
        known, where = read_class_labels(Path(label_file)), str(label_file)
        rows = replace(rows, labels=tuple(known.get(name, "") for name in rows.names))
    elif not any(rows.labels):
        raise UserError(
            f"{path}: its sessions have no labels; add a column, as `id,label,event event ...`, or give "
            f"data.labels=FILE of {LABEL_FORMAT}"
        )
    missing = [name for name, label in zip(rows.names, rows.labels, strict=True) if not label]
    if missing:
        raise UserError(
            f"{where}: no label for {len(missing)} of {len(rows)} sessions, the first is "
            f"{shown(missing[0])}; leave such sessions out, or label them"
        )
    return rows


def read_class_labels(path: Path, counts: LineCounts | None = None) -> dict[str, str]:
    """{session id: label} of a CSV of both.

    Raises:
        UserError: as ``read_table`` does; an empty label, a session twice; names the line.
    """
    roles = {"id": IDS, "label": LABELS}
    rows, table = read_table(path, roles, [("id", "label")], LABEL_FORMAT, counts=counts)
    if not rows:
        raise UserError(f"{path}: a header and no row below it; expected {LABEL_FORMAT}")
    found: dict[str, str] = {}
    for row, name, label in zip(rows, table["id"], table["label"], strict=True):
        if not label:
            raise UserError(
                f"{path}, line {row.line}: the label of {shown(name)} is empty; leave the line out"
            )
        if name in found:
            raise UserError(f"{path}, line {row.line}: session {shown(name)} is labelled twice")
        found[name] = label
    return found


def read_event_rows(path: Path, counts: LineCounts | None = None) -> LabelledItems:
    """The sessions of a file, told apart by content, with an empty label where the file has none.

    Raises:
        UserError: a file that cannot be read, a raw log, a session without events or twice; names the line.
    """
    if path.is_dir() or is_pickle(path):
        sessions = read_parsed_sessions(path).sessions if path.is_dir() else read_sessions(path, counts)
        return items_of(
            sessions, [LABEL_NAMES.get(label, "") for label in sessions.labels.tolist()], str(path)
        )
    if path.exists():
        refuse_raw_log(path, "then give DIR in its place")
    layouts = [("events",), ("id", "events"), ("id", "label", "events")]
    headings = {"id": IDS, "label": LABELS, "events": EVENTS}
    rows, table = read_table(path, headings, layouts, EVENT_FORMAT, ",", counts=counts)
    if not rows:
        raise UserError(f"{path}: a header and no row below it; expected {EVENT_FORMAT}")
    file = Path(path.parent.name) / path.name
    ids = table.get("id") or [f"{file}:{row.line}" for row in rows]
    events = [" ".join(plain_keys(text).split()) for text in table["events"]]
    for what, values in (("id", ids), ("list of events", events)):
        if "" in values:
            number = rows[values.index("")].line
            raise UserError(f"{path}, line {number}: the {what} is empty; expected {EVENT_FORMAT}")
    refuse_duplicates(path, ids, lambda number: f"line {rows[number].line}")
    labels = table.get("label") or [""] * len(ids)
    return LabelledItems(tuple(events), tuple(labels), _lines(rows), str(path), tuple(ids))


def _lines(rows: Sequence[Row]) -> NDArray[np.int64]:
    """(N,) where each row stands."""
    return np.array([row.line for row in rows], dtype=np.int64)


def items_of(sessions: Sessions, labels: Sequence[str], source: str) -> LabelledItems:
    """Sessions of keys as sequences of words, with a label each."""
    texts = tuple(" ".join(sessions.keys(session)) for session in range(len(sessions)))
    lines = np.arange(1, len(sessions) + 1)
    return LabelledItems(texts, tuple(labels), lines, source, tuple(sessions.ids.tolist()))
