"""docs/dependencies.md and the weekly updates hold what pyproject.toml and requirements.txt hold."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="module")
def listed(load_script: Callable[[str], Any]) -> Any:
    """benchmarks/dependencies.py."""
    return load_script("benchmarks/dependencies.py")


def rows(table: str) -> list[tuple[str, ...]]:
    """Cells of each row but the license, which is that of the installed version."""
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line[:2] == "| "
    ]
    return [(group, name, pin, reason) for group, name, pin, _, reason in cells]


def test_each_dependency_has_a_reason_and_stands_in_the_docs(listed: Any) -> None:
    assert len(listed.dependencies()) > 40
    assert [each for each in listed.dependencies() if not each.reason] == []
    page = listed.PAGE.read_text(encoding="utf-8").partition(listed.BEGIN)[2].partition(listed.END)[0]
    assert rows(page) == rows(listed.table()), "python benchmarks/dependencies.py writes it anew"
    assert "not installed" not in page


def test_what_a_run_needs_is_pinned(listed: Any, root: Path) -> None:
    lines = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0] for line in lines if "==" in line}
    assert pinned == {each.name for each in listed.dependencies() if each.group == "dependencies"}


def test_what_must_not_move_alone_is_in_one_group(root: Path) -> None:
    (update,) = yaml.safe_load((root / ".github/dependabot.yml").read_text(encoding="utf-8"))["updates"]
    assert update["schedule"]["interval"] == "weekly"

    def group(name: str) -> str:
        found = update["groups"].items()
        return next(key for key, given in found if any(fnmatchcase(name, part) for part in given["patterns"]))

    assert {group(name) for name in ("torch", "pytorch-lightning", "torchmetrics")} == {"torch"}
    assert {group(name) for name in ("numpy", "scipy", "pandas", "scikit-learn")} == {"numbers"}
    assert group("rich") == "others"
