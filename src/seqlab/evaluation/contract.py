"""What an evaluation asks of a data set: told before the first training step, by name and with the remedy."""

from __future__ import annotations

import inspect
from typing import Any

from seqlab.errors import UserError


def check_contract(contract: type, given: Any, example: str) -> None:
    """Raise UserError unless an object has every member of a Protocol.

    Args:
        contract: a Protocol; each method's docstring, and ``MEANINGS`` for what is no method, say what it
            gives.
        given: the object, set up.
        example: a class that has all of it, for whoever writes another.
    """
    meanings: dict[str, str] = getattr(contract, "MEANINGS", {})
    methods = {name: member for name, member in vars(contract).items() if inspect.isfunction(member)}
    for name in (*meanings, *(name for name in methods if not name.startswith("_"))):
        if hasattr(given, name):
            continue
        if name in methods:
            signature = str(inspect.signature(methods[name])).replace("'", "")
            member, meaning = f"def {name}{signature}", inspect.getdoc(methods[name]) or ""
        else:
            member, meaning = f"self.{name}", meanings[name]
        raise UserError(
            f"data: {type(given).__name__} has no `{name}`, which judging this model reads "
            f"({meaning.splitlines()[0]}); add `{member}`, or derive from {example}"
        )
