"""The files of a parse, its parse.json as others read it, and templates that a user gives."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from seqlab.data.csv_files import csv_rows
from seqlab.data.line_counts import BLANK, LineCounts
from seqlab.data.text_files import read_lines
from seqlab.errors import UserError, shown
from seqlab.logs.drain import VARIABLE, Drain
from seqlab.logs.formats import LogFormat

SESSIONS, TEMPLATES, SUMMARY = "sessions.parquet", "templates.csv", "parse.json"
PARAMETERS = "parameters.parquet"  # of a parse with --parameters
PARSER_FORMAT = 2
MOST = 1_000_000_000  # ids are 32-bit numbers, and new ones come after
_MOST_DIGITS = 100  # far more than MOST has, and few enough for int()
_FORMAT = "EventId,EventTemplate or one template a line"
_EVENT_ID = re.compile(r"E?(\d+)")


def read_known_templates(path: Path, log_format: LogFormat) -> tuple[list[dict[str, Any]], list[int]]:
    """States of Drains that know the templates of a file, and what is to be added to the ids of each.

    Args:
        path: the folder or the parse.json of an earlier parse, whose templates keep their ids; or a table as
            ``read_templates`` takes it. A word of a template that holds ``<*>`` matches any one word.

    Raises:
        UserError: no such file, or none that holds templates.
    """
    if path.is_dir() or path.suffix.lower() == ".json":
        parser = read_summary(path)["parser"]
        return parser["drains"], parser["first_ids"]
    drain = Drain(log_format.similarity, log_format.depth, counts_masks=log_format.counts_masks)
    counts = LineCounts(path)
    for place, (name, text) in enumerate(read_templates(path, counts).items(), start=1):
        digits = _EVENT_ID.fullmatch(name)
        number = int(digits[1][:_MOST_DIGITS]) if digits else place
        if number > MOST or number in drain.templates:
            raise UserError(f"{path}: template id {shown(name)}: give each its own number, up to {MOST:,}")
        drain.add(number, [VARIABLE if VARIABLE in word else word for word in text.split()])
    counts.tell()
    return [drain.state()], [0]


def read_templates(path: str | Path, counts: LineCounts | None = None) -> dict[str, str]:
    """Read {key: template} from a CSV whose header starts with EventId,EventTemplate, or from one template a
    line, where the key is the line's number and the first line is 1.

    Raises:
        UserError: missing, empty or non-UTF-8 file, a row without both columns, no template, or an id that
            comes twice.
    """
    path = Path(path)
    counts = counts or LineCounts(path)
    lines = read_lines(path, _FORMAT, counts, is_prose=False)
    first = next(line for line in lines if line.strip())
    if [cell.strip(' "') for cell in first.split(",")[:2]] != ["EventId", "EventTemplate"]:
        counts.skipped[BLANK] = sum(not line.strip() for line in lines)
        return {str(number): line.strip() for number, line in enumerate(lines, start=1) if line.strip()}
    rows = csv_rows(path, _FORMAT, ",", lines=lines, counts=counts)
    header = next(rows).cells
    templates: dict[str, str] = {}
    for number, row, _ in rows:
        name = row[0].strip()
        if len(row) < len(header) or not name:
            wanted = shown(",".join(header), 100)
            raise UserError(f"{path}, line {number}: expected {wanted}, got '{shown(row[0])}'")
        if name in templates:
            raise UserError(f"{path}, line {number}: template {shown(name)} stands there twice")
        # templates with commas are often written without quotes; a third column of the header is not one
        end = len(row) if len(header) == 2 else len(row) - len(header) + 2
        templates[name] = ",".join(row[1:end]).strip()
    if not templates:
        raise UserError(f"{path}: a header and no template; expected {_FORMAT}")
    return templates


def read_parser(path: Path) -> dict[str, Any]:
    """The ``parser`` of a parse: see ``read_summary``."""
    return read_summary(path)["parser"]


def read_summary(path: Path) -> dict[str, Any]:
    """The parse.json of a parse.

    Args:
        path: it, or its folder.

    Raises:
        UserError: missing, no parse.json, or that of another version.
    """
    if path.is_dir():
        path = path / SUMMARY
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        version = summary["parser"]["format_version"]
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{path}: no such file; seqlab parse LOG --output DIR writes DIR/parse.json"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the parse.json of seqlab parse: {error}") from None
    if version != PARSER_FORMAT:
        raise UserError(f"{path}: of version {version}, known is {PARSER_FORMAT}: parse the log again")
    return summary
