"""Event keys and sessions as files spell them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from seqlab.errors import UserError

FORMATS = (
    "`blk_id,5 5 22 ...`, or `5 5 22 ...`, or a CSV of BlockId,EventSequence, or a pickled dict "
    "{block_id: [keys]}"
)
KEYS = "5, E5 or a hash such as a7e180bc"
# a hash has 8 digits or more: shorter hex words are words, such as `added`
KEY = re.compile(r"-?\d+|E\d+|[0-9a-f]{8,64}", re.ASCII)
_LIST = re.compile(r"""\s*"?\s*\[([^\[\]]*)\]\s*"?\s*""")  # ['E5', 'E22'], within quotes of a CSV or not
_LIST_MARKS = str.maketrans(dict.fromkeys("'\",", " "))


class KeyNumbers(dict[str, int]):
    """Numbers keys in the order met; refuses what is no event key."""

    def __missing__(self, key: str) -> int:
        if not KEY.fullmatch(key):
            raise ValueError(key)
        self[key] = number = len(self)
        return number


def plain_keys(text: str) -> str:
    """Keys with spaces between them, also where they are written as a list of Python's."""
    if "[" not in text:
        return text
    found = _LIST.fullmatch(text)
    return text if found is None else found[1].translate(_LIST_MARKS)


def refuse_duplicates(path: Path, ids: Sequence[str], place: Callable[[int], str]) -> None:
    """Raise UserError where a block is there twice.

    Args:
        place: where the block of an index stands in the file.
    """
    if len(set(ids)) == len(ids):
        return
    first: dict[str, int] = {}
    for index, block_id in enumerate(ids):
        if block_id in first:
            raise UserError(
                f"{path}, {place(index)}: block {block_id} stands at {place(first[block_id])} too; a block "
                "is one session"
            )
        first[block_id] = index


def short(line: str) -> str:
    """A line as messages show it."""
    line = line.strip()
    return repr(line if len(line) <= 40 else line[:37] + "...")
