"""Whether an object has what a protocol asks for, and plain state: told before training, with the remedy."""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor

from seqlab.errors import UserError

PLAIN = (str, int, float, bool, bytes, type(None), Tensor)


def members(contract: type) -> list[str]:
    """The names of all that a protocol asks for."""
    names = dict.fromkeys([*vars(contract).get("__annotations__", {}), *vars(contract)])
    return [name for name in names if not name.startswith("_")]


def full_name(given: object) -> str:
    """``mylab.tcn.CausalTCN``"""
    return f"{type(given).__module__}.{type(given).__qualname__}"


def check_members(given: object, contract: type, reader: str, remedy: str = "", who: str = "") -> None:
    """Raise UserError unless an object has every member of a protocol; names all that are missing.

    Args:
        contract: its docstrings say what each member gives.
        reader: what reads the members: "judging a classifier".
        remedy: beside adding the members: "derive from mylab.Base".
        who: the object, where its class does not tell.
    """
    missing = [name for name in members(contract) if not _has(given, name)]
    if not missing:
        return
    found = [vars(contract).get(name) for name in missing]
    named = [f"`{name}`{_meaning(member)}" for name, member in zip(missing, found, strict=True)]
    written = [f"`{_written(name, member)}`" for name, member in zip(missing, found, strict=True)]
    raise UserError(
        f"{who or full_name(given)} has no {' and no '.join(named)}, which {reader} reads; add "
        f"{' and '.join(written)}{f', or {remedy}' if remedy else ''}: see {contract.__name__} in "
        f"{contract.__module__}"
    )


def _has(given: object, name: str) -> bool:
    try:
        getattr(given, name)
    except AttributeError as error:
        if getattr(error, "name", name) != name:  # a mistake within the member
            raise
        return False
    return True


def _meaning(member: Any) -> str:
    """The first line of a member's docstring, in brackets."""
    first = (inspect.getdoc(member) or "").split("\n")[0].rstrip(".") if member is not None else ""
    return f" ({first})" if first else ""


def _written(name: str, member: Any) -> str:
    """How a member is written in a class."""
    function = getattr(member, "__func__", member)  # of a class method
    if inspect.isfunction(function):
        return f"def {name}{inspect.signature(function)}".replace("'", "")
    return f"self.{name}"


def check_plain(value: Any, where: str) -> None:
    """Raise UserError where a value is, or holds, anything but plain values; names its key and its type.

    Plain are str, int, float, bool, bytes, None, tensors, and lists, tuples and dicts of them. A numpy number
    is none of them, though it may be an instance of float.

    Args:
        where: what the value is, such as ``mylab.Events.state()``.
    """
    kind = type(value)
    if kind is dict:
        for key, part in value.items():
            check_plain(key, f"the key {key!r} of {where}")
            check_plain(part, f"{where}[{key!r}]")
    elif kind in (list, tuple):
        for number, part in enumerate(value):
            check_plain(part, f"{where}[{number}]")
    elif kind not in PLAIN:
        raise UserError(
            f"{where} is a {kind.__module__}.{kind.__qualname__}, which no checkpoint can hold: give plain "
            "values (str, int, float, bool, None, lists, tuples and dicts of them, tensors), such as "
            "value.item(), array.tolist() or dict(counter)"
        )
