"""What event keys mean to a log parser: templates, and keys that stand for another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


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
