"""Every reader of files that users bring, with files that somebody damaged.

It reads them, each line used or counted, or says in one short line what is wrong: see checks.py.
"""

from __future__ import annotations

import pickle
import random
from pathlib import Path

import pytest

from .checks import COUNTS, check_reader
from .mutations import Mutant, mutants
from .readers import PICKLED, READERS
from .values import damaged


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", READERS)
def test_damaged_files(name: str, count: int, tmp_path: Path) -> None:
    reader = READERS[name]
    num_read = check_reader(reader.read, mutants(reader.seeds, count), tmp_path / reader.file)
    assert 0.1 * count < num_read < 0.95 * count  # else the seeds are bad, or the damage is none


@pytest.mark.parametrize("count", COUNTS)
def test_pickles_of_damaged_sessions(count: int, tmp_path: Path) -> None:
    inputs = []
    for number in range(count):
        rng = random.Random(number)
        value = damaged(PICKLED, rng)
        protocol = rng.choice((2, 4))  # protocol 0 cannot write all of the values
        inputs.append(Mutant(number, f"protocol {protocol}", pickle.dumps(value, protocol)))
    reader = READERS["pickles"]
    assert check_reader(reader.read, inputs, tmp_path / reader.file) > 0.1 * count
