"""One of the kills; ``make soak`` does twenty."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="module")
def script(load_script: Callable[[str], ModuleType]) -> ModuleType:
    """kill_and_resume.py, which lies beside this file."""
    return load_script("tests/soak/kill_and_resume.py")


def test_a_kill_changes_nothing(script: ModuleType, tmp_path: Path, root: Path, python: Any) -> None:
    def start(*overrides: str) -> subprocess.Popen:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return python.popen("train.py", *overrides, cwd=root, **streams)

    found = script.soak(tmp_path, kills=1, seed=11, recipes=["gru"], start=start)
    assert [kill.recipe for kill in found] == ["gru"]
    assert all(kill.same for kill in found)


@pytest.mark.soak
def test_three_kills_change_nothing(script: ModuleType, tmp_path: Path) -> None:
    found = script.soak(tmp_path, kills=3, seed=11, recipes=sorted(script.RECIPES))
    assert [kill.recipe for kill in found] == ["char_rnn", "gru", "gru_ae"]
    assert all(kill.same for kill in found)


def test_the_comparison_sees_a_difference_of_one_bit(script: ModuleType) -> None:
    import torch

    one = {"a": [torch.tensor([1.0]), {"b": (2, None)}]}
    assert script.same(one, {"a": [torch.tensor([1.0]), {"b": (2, None)}]})
    next_float = torch.nextafter(torch.tensor([1.0]), torch.tensor([2.0]))
    assert not script.same(one, {"a": [next_float, {"b": (2, None)}]})
    assert not script.same(one, {"a": [torch.tensor([1.0]), {"b": (3, None)}]})
