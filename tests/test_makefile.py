"""What make would do, without doing it."""

import os
import subprocess
import tomllib
from pathlib import Path

import pytest


def planned(root: Path, tmp_path: Path, *arguments: str) -> str:
    """The commands that make would run with an environment that is not there yet."""
    words = ["make", "--dry-run", f"VENV={tmp_path / 'venv'}", *arguments]
    # as it is typed, though `make test` runs this
    outer = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(words, cwd=root, env=outer, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("torch", "is_small"), [("cpu", True), ("pypi", False)])
def test_cuda_is_left_out_where_it_is_of_no_use(
    root: Path, tmp_path: Path, torch: str, is_small: bool
) -> None:
    plan = planned(root, tmp_path, "train", f"TORCH={torch}")
    assert ("--index-url https://download.pytorch.org/whl/cpu" in plan) == is_small
    steps = [plan.index(f"{step}/3") for step in (1, 2, 3)]
    assert steps == sorted(steps)
    assert plan.rstrip().endswith("train.py")


def test_the_site_needs_its_extra_alone(root: Path, tmp_path: Path) -> None:
    plan = planned(root, tmp_path, "docs")
    assert "requirements.txt" not in plan
    extra = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]["docs"]
    (line,) = [line for line in plan.splitlines() if "sed -n" in line]
    listed = subprocess.run(
        ["sh", "-c", line[line.index("$(sed") + 2 : line.rindex(")")]],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert listed.split() == extra
