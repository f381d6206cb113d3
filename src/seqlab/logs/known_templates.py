"""Templates given by the user: of an earlier parse, of a checkpoint, or a table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from seqlab.data.templates import read_templates
from seqlab.errors import UserError
from seqlab.logs.drain_state import drain_of_templates, drain_state
from seqlab.logs.formats import LogFormat
from seqlab.logs.line_parser import check_version
from seqlab.logs.masking import SHOWN

MOST = 1_000_000_000  # ids are 32-bit numbers, and new ones come after
_EVENT_ID = re.compile(r"E?(\d+)")


def read_known_templates(path: Path, log_format: LogFormat) -> tuple[list[dict[str, Any]], list[int]]:
    """Drains that know the templates of a file, and what is to be added to the ids of each.

    Args:
        path: the folder or the parse.json of an earlier parse, whose templates keep their ids; or a table as
            ``data.templates`` takes it. A word of a template that holds ``<*>`` matches any one word.

    Raises:
        UserError: no such file, or none that holds templates.
    """
    before = given_parse(path)
    if before is not None:
        parser = read_parser(before)
        check_version(parser, f"{path}: ")
        return parser["drains"], parser["first_ids"]
    templates: dict[int, list[str]] = {}
    for place, (name, text) in enumerate(read_templates(path).items(), start=1):
        number = _EVENT_ID.fullmatch(name)
        identity = int(number[1]) if number else place
        if identity > MOST:
            raise UserError(f"{path}: template id {name} is too large; give numbers up to {MOST:,}")
        if identity in templates:
            raise UserError(f"{path}: two templates have the id {identity}; give each its own number")
        templates[identity] = [SHOWN if SHOWN in word else word for word in text.split()]
    drain = drain_of_templates(
        templates, log_format.similarity, log_format.depth, counts_masks=log_format.counts_masks
    )
    return [drain_state(drain)], [0]


def given_parse(path: Path) -> Path | None:
    """The parse.json of what ``--templates`` names; None where that is a table."""
    if path.is_dir():
        return path / "parse.json"
    return path if path.suffix.lower() == ".json" else None


def read_parser(path: Path) -> dict[str, Any]:
    """The ``parser`` of a parse: see ``read_summary``."""
    return read_summary(path)["parser"]


def read_summary(path: Path) -> dict[str, Any]:
    """The parse.json of a parse.

    Args:
        path: it, or its folder.

    Raises:
        UserError: missing, or no parse.json.
    """
    if path.is_dir():
        path = path / "parse.json"
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
        summary["parser"]["drains"]  # the part that no other file has
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{path}: no such file; seqlab parse LOG --output DIR writes DIR/parse.json"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: not the parse.json of seqlab parse: {error}") from None
    return summary
