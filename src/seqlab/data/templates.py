"""What event keys mean: files of message templates, for people who read a report."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from seqlab.errors import UserError


def read_templates(path: str | Path) -> dict[str, str]:
    """Read {key: template} from a CSV whose header starts with EventId,EventTemplate, or from one template a
    line, where the key is the line's number and the first line is 1.

    Raises:
        UserError: missing, empty or non-UTF-8 file, or a row without both columns.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the path is relative to {Path.cwd()}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    lines = text.splitlines()
    if not lines:
        raise UserError(f"{path}: the file is empty; expected EventId,EventTemplate or one template a line")
    rows = list(csv.reader(io.StringIO(text, newline="")))  # a field may hold what splitlines cuts at
    if rows[0][:2] != ["EventId", "EventTemplate"]:
        return {str(number): line.strip() for number, line in enumerate(lines, start=1)}
    templates = {}
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) < 2:
            raise UserError(f"{path}, line {number}: expected EventId,EventTemplate, got {','.join(row)!r}")
        # templates with commas are often written without quotes; a third column of the header is not one
        end = len(row) if len(rows[0]) == 2 else len(row) - len(rows[0]) + 2
        templates[row[0].strip()] = ",".join(row[1:end]).strip()
    return templates


def templates_of(parser: Mapping[str, Any]) -> dict[str, str]:
    """{key: template} of a log parser's state."""
    return {str(row["id"]): row["template"] for row in parser["templates"]}


class Contradiction(NamedTuple):
    """A key that means something else than it did."""

    key: str
    template: str
    known: str  # what it meant


def contradiction(templates: Mapping[str, str], parser: Mapping[str, Any]) -> Contradiction | None:
    """The first key of {key: template} that stands for another template in a log parser's state."""
    known = templates_of(parser)
    for key, template in templates.items():
        if known.get(key, template) != template:
            return Contradiction(key, template, known[key])
    return None
