"""The engine of mutations itself: what it makes, and that it sees the faults that it is there for."""

from __future__ import annotations

import pickle
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.errors import UserError

from .checks import check_reader, message_fault
from .mutations import MUTATIONS, Mutant, mutants
from .values import damaged

SEEDS = [b"BlockId,Label\nblk_1,Normal\nblk_2,Anomaly\n", b"5 5 22\n9\n"]


def test_a_number_gives_the_same_file_again() -> None:
    some = list(mutants(SEEDS, 300))
    assert some == list(mutants(SEEDS, 300))
    assert some[200:] == list(mutants(SEEDS, 100, first=200))


def test_every_kind_of_damage_comes_in_turn_and_to_each_seed() -> None:
    some = list(mutants(SEEDS, 2 * len(MUTATIONS)))
    first = {mutant.how.split(": ")[0] + mutant.how.split(": ")[1].split(", ")[0] for mutant in some}
    assert len(first) == 2 * len(MUTATIONS)
    changed = sum(mutant.content not in SEEDS for mutant in some)
    assert changed > 1.8 * len(MUTATIONS)


def test_empty_files_are_damaged_too() -> None:
    assert len(list(mutants([b""], 500))) == 500


def test_damaged_values_differ_and_leave_the_original() -> None:
    value: Any = {"a": [1, 2.5, "text"], "b": {"c": None}}
    found = [pickle.dumps(damaged(value, random.Random(number))) for number in range(50)]
    assert value == {"a": [1, 2.5, "text"], "b": {"c": None}}
    assert len({*found}) > 40


def raises(error: Exception) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        raise error

    return read


def warns(path: Path) -> None:
    warnings.warn("overflow", RuntimeWarning, stacklevel=1)


@pytest.mark.parametrize(
    "read",
    [
        raises(KeyError("a")),
        raises(UserError("one line\nand another")),
        raises(UserError("x" * 501)),
        warns,
    ],
    ids=["no UserError", "two lines", "long", "warning"],
)
def test_faults_of_readers_are_seen(read: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises((pytest.fail.Exception, KeyError, RuntimeWarning)):
        check_reader(read, [Mutant(0, "nothing", b"")], tmp_path / "file")


def test_good_messages_and_good_files_pass(tmp_path: Path) -> None:
    path = tmp_path / ("name" * 50)
    assert not message_fault(f"{path}, line 3: {'x' * 480}", path)
    assert check_reader(lambda path: path.read_bytes(), mutants(SEEDS, 7), path) == 7
    assert check_reader(raises(UserError(f"{path}: empty")), mutants(SEEDS, 7), path) == 0
