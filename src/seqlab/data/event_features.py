"""What a log model reads beside keys, and where that cannot be had."""

from __future__ import annotations

from typing import Any

from seqlab.errors import UserError


def features(data: dict[str, Any]) -> list[str]:
    """The options of training that a checkpoint's data was read with, in the user's words."""
    return [f"data.{name}=true" for name in ("times", "parameters") if name in data]


def refuse_features(name: str, data: dict[str, Any], what: str) -> None:
    """Raise UserError where a model reads times or parameters, which ``what`` does not give it.

    Args:
        name: the checkpoint.
        data: what it says of its data.
    """
    if found := features(data):
        raise UserError(
            f"{name} was trained with {' and '.join(found)}, which {what} does not read: parse the log with "
            "seqlab parse --templates and the folder of training, then seqlab predict scores the folder"
        )
