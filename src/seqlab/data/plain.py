"""Values that a checkpoint can hold and be read back with ``weights_only=True``."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from seqlab.errors import UserError

SINGLE = (str, int, float, bool, bytes, type(None), Tensor)


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
    elif kind not in SINGLE:
        raise UserError(
            f"{where} is a {kind.__module__}.{kind.__qualname__}, which no checkpoint can hold: give plain "
            "values (str, int, float, bool, None, lists, tuples and dicts of them, tensors), such as "
            "value.item(), array.tolist() or dict(counter)"
        )
