"""What a user may expect of every reader: it reads a file, or says in one line what is wrong with it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from seqlab.errors import UserError

from .mutations import Mutant

COUNTS = [200, pytest.param(10_000, marks=pytest.mark.soak)]  # inputs of each reader
LONGEST_MESSAGE = 500  # characters, the path not counted
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def check_reader(read: Callable[[Path], Any], inputs: Iterable[Mutant], path: Path) -> int:
    """Read each input from ``path``: a fault is any error but UserError, a warning, or a bad message.

    Args:
        read: reads the file, and asserts what must hold of a file that can be read.

    Returns:
        How many could be read.
    """
    num_read = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mutant in inputs:
            path.write_bytes(mutant.content)
            try:
                read(path)
                num_read += 1
            except UserError as error:
                if found := message_fault(str(error), path):
                    pytest.fail(f"mutant {mutant.number} ({mutant.how}): {found}: {str(error)[:800]!r}")
            except Exception as error:
                error.add_note(f"mutant {mutant.number} ({mutant.how}) begins {mutant.content[:300]!r}")
                raise
    return num_read


def check_answer(read: Callable[[], Any], how: str, path: Path) -> None:
    """Read what was written: UserError alone may come of it, with a good message."""
    try:
        read()
    except UserError as error:
        if fault := message_fault(str(error), path):
            pytest.fail(f"{how}: {fault}: {str(error)[:800]!r}")
    except Exception as error:
        error.add_note(how)
        raise


def message_fault(message: str, path: Path) -> str:
    """What is wrong with a message about a file; empty for a good one."""
    told = message.replace(str(path), "")
    if len(told) > LONGEST_MESSAGE:
        return f"{len(told):,} characters"
    control = _CONTROL.search(told)
    return f"the control character {control[0]!r}" if control else ""
