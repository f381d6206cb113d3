"""Pickled dicts of sessions, of which no code is executed."""

from __future__ import annotations

import io
import pickle
from array import array
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from seqlab.data.event_keys import FORMATS, KEYS, KeyNumbers, refuse_duplicates, short
from seqlab.data.sequences import Sessions
from seqlab.data.text_files import read_bytes
from seqlab.errors import UserError


class _PlainUnpickler(pickle.Unpickler):
    """Builds dict, list, tuple, str and int; these need no name, so every name is refused."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> NoReturn:
        raise pickle.UnpicklingError("it names an object outside the file")


def read_session_pickle(path: Path) -> Sessions:
    """Sessions of a dict {block_id: [keys]} of str and int.

    Raises:
        UserError: a pickle that names any class, or holds something else; names the entry.
    """
    stream = io.BytesIO(read_bytes(path))
    try:
        value = _PlainUnpickler(stream).load()
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path}: refused, nothing was executed: {error}; a session pickle holds dict, list, tuple, "
            "str and int alone"
        ) from None
    except Exception as error:  # what a crafted or cut pickle raises has no end, MemoryError included
        raise UserError(f"{path}: a broken pickle ({error}); expected {FORMATS}") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: the pickle holds a {type(value).__name__}; expected {FORMATS}")
    numbers = KeyNumbers()
    codes, lengths, ids = array("i"), array("q"), []
    for block_id, keys in value.items():
        if not isinstance(block_id, str | int) or isinstance(block_id, bool):
            raise UserError(
                f"{path}: block id {block_id!r} is a {type(block_id).__name__}; expected str or int"
            )
        if not isinstance(keys, list | tuple) or not keys:
            raise UserError(f"{path}, block {block_id}: expected a list of keys, got {short(repr(keys))}")
        for key in keys:
            if not isinstance(key, str | int) or isinstance(key, bool):
                raise UserError(
                    f"{path}, block {block_id}: key {key!r} is a {type(key).__name__}; expected int"
                )
        try:
            codes.extend(numbers[str(key)] for key in keys)
        except ValueError as error:
            raise UserError(f"{path}, block {block_id}: {str(error)!r} is no event key ({KEYS})") from None
        lengths.append(len(keys))
        ids.append(str(block_id))
    if not ids:
        raise UserError(f"{path}: the pickled dict is empty; expected {FORMATS}")
    refuse_duplicates(path, ids, lambda index: f"entry {index + 1}")
    return Sessions.from_arrays(np.asarray(codes), np.asarray(lengths), ids, tuple(numbers))
