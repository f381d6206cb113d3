"""What event keys mean: files of message templates, for people who read a report."""

from __future__ import annotations

import csv
from pathlib import Path

from seqlab.errors import UserError


def read_templates(path: str | Path) -> dict[str, str]:
    """Read {key: template} from ``EventId,EventTemplate`` (a CSV with that header), or from one template a
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
    if not lines[0].startswith("EventId,"):
        return {str(number): line.strip() for number, line in enumerate(lines, start=1)}
    templates = {}
    for number, row in enumerate(csv.reader(lines[1:]), start=2):
        if len(row) < 2:
            raise UserError(f"{path}, line {number}: expected EventId,EventTemplate, got {','.join(row)!r}")
        templates[row[0].strip()] = ",".join(row[1:]).strip()
    return templates
