"""The table of docs/dependencies.md, from pyproject.toml (reasons), requirements.txt (pins) and what is
installed (licenses): ``python benchmarks/dependencies.py`` writes it anew."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "dependencies.md"
BEGIN, END = "<!-- made by benchmarks/dependencies.py -->\n", "<!-- end -->\n"
_QUOTED = re.compile(r'"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?([^"]*)"')
_GROUP = re.compile(r"^(\w+) = \[")


class Dependency(NamedTuple):
    group: str  # of pyproject.toml: dependencies, or an extra
    name: str
    wanted: str  # version, as pyproject.toml has it
    reason: str


def dependencies() -> list[Dependency]:
    """Every one in pyproject.toml, with the comment beside it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    run = re.search(r"^dependencies = \[\n.*?^\]\n", text, re.DOTALL | re.MULTILINE)
    extras = re.search(r"^\[project\.optional-dependencies\]\n(.*?)^\[", text, re.DOTALL | re.MULTILINE)
    assert run is not None
    assert extras is not None
    found, group = [], ""
    for line in f"{run[0]}{extras[1]}".splitlines():
        begun = _GROUP.match(line)
        group = begun[1] if begun else group
        listed, _, reason = line.partition("#")
        found += [Dependency(group, *each, reason.strip()) for each in _QUOTED.findall(listed)]
    return found


def pins() -> dict[str, str]:
    """Versions by name in lower case: of requirements.txt, else what the tests pin."""
    tested = {each.name.lower(): each.wanted[2:] for each in dependencies() if each.wanted.startswith("==")}
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return tested | {name.lower(): pin for name, _, pin in (line.partition("==") for line in lines) if pin}


def license_of(name: str) -> str:
    """As the package states it, in a few words; what is not installed keeps what the page says."""
    try:
        stated = metadata(name)
    except PackageNotFoundError:
        row = re.search(
            rf"^\| \w+ \| {re.escape(name)} \| [^|]+ \| ([^|]+) \|", PAGE.read_text("utf-8"), re.M
        )
        return row[1] if row else "not installed"
    classified = [
        each.rpartition(" :: ")[2] for each in stated.get_all("Classifier") or [] if "License" in each
    ]
    short = stated.get("License-Expression") or ", ".join(classified) or stated.get("License") or "not stated"
    return short.splitlines()[0][:80]


def table() -> str:
    """A row per dependency and group."""
    rows = ["| for | package | pinned | license | reason |", "|---|---|---|---|---|"]
    for each in dependencies():
        group = "a run" if each.group == "dependencies" else each.group
        pin = pins().get(each.name.lower(), each.wanted)
        rows.append(f"| {group} | {each.name} | {pin} | {license_of(each.name)} | {each.reason} |")
    return "\n".join(rows) + "\n"


def main() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
