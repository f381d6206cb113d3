"""The protocol of all that turns data into numbers and lies in a checkpoint, and the check of it."""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeVar

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


class Coder(Protocol):
    """What is fitted on a training split: a tokenizer, a text codec, how labelled or tagged items read."""

    def encode(self, item: Any) -> Any:
        """Numbers of one item, such as a text."""

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The same coder again."""


C = TypeVar("C", bound=Coder)


def check_coder(coder: C, item: Any, state: dict[str, Any]) -> C:
    """The coder that comes back from a checkpoint.

    Args:
        item: what both must encode alike.
        state: of the coder, as the checkpoint holds it.

    Raises:
        UserError: a state that is not plain, lacks what ``from_state`` reads, or gives another coder.
    """
    who = f"{type(coder).__module__}.{type(coder).__qualname__}"
    check_plain(state, f"{who}.state()")
    try:
        again = type(coder).from_state(state)
        same = list(again.encode(item)) == list(coder.encode(item))
    except KeyError as error:
        raise UserError(f"{who}.from_state: state() has no {error}, which it reads") from None
    if not same:
        raise UserError(
            f"{who}.from_state(state()) is another coder: it reads {str(item)[:60]!r} as other ids"
        )
    return again
