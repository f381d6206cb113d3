"""Whether a value fits the annotation of its argument: numbers, true or false, named choices."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from torch import Tensor

_KINDS: dict[Any, tuple[Callable[[Any], bool], str]] = {
    bool: (lambda value: isinstance(value, bool), "true or false"),
    int: (lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number"),
    float: (lambda value: isinstance(value, int | float) and not isinstance(value, bool), "a number"),
    NoneType: (lambda value: value is None, "null"),
    Tensor: (lambda value: False, ""),  # no config writes one
}


def annotations_of(target: Any) -> dict[str, Any]:
    """Argument names to annotations, those of base classes too; nothing where they cannot be resolved."""
    layers = reversed(target.__mro__[:-1]) if inspect.isclass(target) else (target,)
    found: dict[str, Any] = {}
    for layer in layers:
        function = vars(layer).get("__init__") if inspect.isclass(target) else target
        try:
            found |= get_type_hints(function) if function is not None else {}
        except Exception:  # a name that only type checkers import
            continue
    return found


def misfit(value: Any, annotation: Any) -> str | None:
    """What to give in place of a value that the annotation does not allow; None where it may fit.

    Only numbers, true and false, null and named choices are judged: of anything else the class itself knows.
    """
    allowed = _alternatives(annotation)
    if any(get_origin(kind) is not Literal and kind not in _KINDS for kind in allowed):
        return None
    words: list[str] = []
    for kind in allowed:
        if get_origin(kind) is Literal:
            if value in get_args(kind):
                return None
            words += map(str, get_args(kind))
            continue
        fits, said = _KINDS[kind]
        if fits(value):
            return None
        words.append(said)
    return " or ".join(filter(None, dict.fromkeys(words)))


def _alternatives(annotation: Any) -> list[Any]:
    if get_origin(annotation) in (Union, UnionType):
        return [kind for part in get_args(annotation) for kind in _alternatives(part)]
    return [annotation]
