"""The protocol of all that turns data into numbers and lies in a checkpoint."""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeVar

from seqlab.contracts import check_plain
from seqlab.errors import UserError


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
