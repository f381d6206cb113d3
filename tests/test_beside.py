"""Comparisons with public packages: turns, ratios by hand, pinned environments, failures that are told."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def beside(load_script: Callable[[str], Any]) -> Any:
    """benchmarks/beside.py."""
    return load_script("benchmarks/beside.py")


def test_sides_take_turns_and_the_warm_up_does_not_count(beside: Any) -> None:
    order = []

    def side(name: str) -> Callable[[int], dict[str, float]]:
        return lambda seed: order.append((name, seed)) or {"seconds": float(len(order))}  # type: ignore[func-returns-value]

    found = beside.alternate({"a": side("a"), "b": side("b")}, 2, warm_up=True)
    assert order == [("a", 0), ("b", 0), ("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert found == {"a": [{"seconds": 3.0}, {"seconds": 5.0}], "b": [{"seconds": 4.0}, {"seconds": 6.0}]}


def test_ratios_are_taken_round_by_round(beside: Any) -> None:
    peer = [{"s": 6.0, "accuracy": 0.5}, {"s": 9.0, "accuracy": 0.5}, {"s": 4.0, "accuracy": 0.7}]
    ours = [{"s": 2.0, "accuracy": 0.6}, {"s": 2.0, "accuracy": 0.6}, {"s": 8.0, "accuracy": 0.6}]
    lines = [beside.Line("fit, s", "s", ".1f", "lower"), beside.Line("accuracy", "accuracy", ".2f")]
    rows = beside.table({"peer": peer, "ours": ours}, lines).splitlines()
    assert rows[2] == (
        "| fit, s | peer | **3.00 (0.50 to 4.50)** times as good | 6.0 (4.0 to 9.0) | 2.0 (2.0 to 8.0) |"
    )
    assert rows[3] == "| accuracy | peer | +0.10 (-0.10 to +0.10) | 0.50 (0.50 to 0.70) | 0.60 |"


def test_a_script_that_fails_is_told_with_what_it_said(
    beside: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "PEERS", tmp_path)
    (tmp_path / "fine.py").write_text("import sys\nprint('said before')\nprint('{\"n\": %s}' % sys.argv[1])")
    assert beside.process(sys.executable, "fine.py", "7")["n"] == 7
    (tmp_path / "fails.py").write_text("raise ValueError('no such log')")
    with pytest.raises(SystemExit, match=r"(?s)fails\.py x ended with 1:.*ValueError: no such log"):
        beside.process(sys.executable, "fails.py", "x")


def test_every_environment_is_pinned(root: Path) -> None:
    folder = root / "benchmarks" / "peers"
    for path in folder.glob("*.txt"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == [], path.name
