"""Whether an object has what a protocol asks for: told before training, by name and with the remedy."""

from __future__ import annotations

import inspect
from typing import Any

from seqlab.errors import UserError


def members(contract: type) -> list[str]:
    """The names of all that a protocol asks for."""
    names = dict.fromkeys([*vars(contract).get("__annotations__", {}), *vars(contract)])
    return [name for name in names if not name.startswith("_")]


def full_name(given: object) -> str:
    """``mylab.tcn.CausalTCN``"""
    return f"{type(given).__module__}.{type(given).__qualname__}"


def check_members(given: object, contract: type, reader: str, remedy: str = "", who: str = "") -> None:
    """Raise UserError unless an object has every member of a protocol.

    Args:
        contract: its docstrings say what each member gives.
        reader: what reads the members: "judging a classifier".
        remedy: beside adding the member: "derive from mylab.Base".
        who: the object, where its class does not tell.
    """
    for name in members(contract):
        try:
            getattr(given, name)
        except AttributeError as error:
            if getattr(error, "name", name) != name:  # a mistake within the member
                raise
            member = vars(contract).get(name)
            meaning = (inspect.getdoc(member) or "").split("\n")[0].rstrip(".") if member is not None else ""
            about = f" ({meaning})" if meaning else ""
            raise UserError(
                f"{who or full_name(given)} has no `{name}`{about}, which {reader} reads; add "
                f"`{_written(name, member)}`{f', or {remedy}' if remedy else ''}: see {contract.__name__} in "
                f"{contract.__module__}"
            ) from None


def _written(name: str, member: Any) -> str:
    """How a member is written in a class."""
    if inspect.isfunction(member):
        return f"def {name}{inspect.signature(member)}".replace("'", "")
    return f"self.{name}"
