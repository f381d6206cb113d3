"""Pickles that may come from anybody: plain values alone, in memory that fits the size of the file."""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from typing import Any, NoReturn

_LARGE_MEMO = re.compile(rb"(?=r(.{4})|p(\d{1,20})\n)", re.DOTALL)  # LONG_BINPUT and PUT


def _refuse_large_memo(content: bytes) -> None:
    """Raise UnpicklingError for a place in the memo beyond the file's size: Python's memo is an array as long
    as its last place, and eight bytes could take all memory. The slow walk is for files with such bytes."""

    def place(found: re.Match[bytes]) -> int:
        return int.from_bytes(found[1], "little") if found[1] else int(found[2])

    most = len(content)
    if all(place(found) <= most for found in _LARGE_MEMO.finditer(content)):
        return
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name in {"LONG_BINPUT", "PUT"} and int(argument or 0) > most:
            raise pickle.UnpicklingError(f"its memo has a place {argument:,}")


class _PlainUnpickler(pickle.Unpickler):
    """Builds dict, list, tuple, str and int; these need no name, so every name is refused."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("it names an object outside the file")


def plain_pickle(content: bytes) -> Any:
    """What a pickle of dict, list, tuple, str and int holds.

    Raises:
        UnpicklingError: it names anything else, or a place in the memo that the file cannot have.
        Exception: of any kind, where it is broken.
    """
    _refuse_large_memo(content)
    return _PlainUnpickler(io.BytesIO(content)).load()
