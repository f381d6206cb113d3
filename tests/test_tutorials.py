"""Notebooks of docs/tutorials: each runs from top to bottom, and is kept without outputs.

The code cells run as one script in a process of their own, in which ``!command`` runs in a shell and its
failure is an error. A kernel would do the same with some twenty packages more.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from .processes import Server

FOLDER = Path(__file__).parents[1] / "docs/tutorials"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
QUICK = "06_padding_and_packing"
COMMAND = re.compile(r"^!((?:.*\\\n)*.*)$", re.MULTILINE)
SHELL = """import subprocess
def _shell(command):
    print("$", command, flush=True)
    subprocess.run(command, shell=True, check=True)
"""
LOCAL = re.compile(r"/(?:home|Users|root|tmp|work)/|[A-Z]:\\\\")


def script_of(notebook: dict[str, Any]) -> str:
    """The code cells as one script; ``{name}`` in a command is the value of the name, as in IPython."""
    code = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return "\n\n".join([SHELL, *(COMMAND.sub(lambda found: f"_shell(f{found[1]!r})", cell) for cell in code)])


def faults_of(notebook: dict[str, Any]) -> list[str]:
    """What a notebook must not be kept with, cell by cell."""
    found = []
    for number, cell in enumerate(notebook["cells"], start=1):
        text = "".join(cell["source"])
        if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"] is not None):
            found.append(f"cell {number}: outputs; clear them before you commit")
        if LOCAL.search(text):
            found.append(f"cell {number}: a path of one machine")
        both = re.search("[가-힣]{2}", text) and re.search("[a-z]{3}", text)
        if cell["cell_type"] == "markdown" and not both:
            found.append(f"cell {number}: not in both languages")
        if cell["metadata"] or not all(line.endswith("\n") for line in cell["source"][:-1]):
            found.append(f"cell {number}: metadata, or several lines in one")
    if set(notebook["metadata"]) - {"kernelspec", "language_info"}:
        found.append(f"metadata {sorted(notebook['metadata'])}")
    return found


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[] if path.stem == QUICK else pytest.mark.soak)
        for path in NOTEBOOKS
    ],
)
def test_runs_from_top_to_bottom(path: Path, python: Server, tmp_path: Path) -> None:
    script = tmp_path / f"{path.stem}.py"
    script.write_text(script_of(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    commands = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = python.environment | {"MPLBACKEND": "agg", "PATH": commands, "TMPDIR": str(tmp_path)}
    ended = python.run(script, cwd=tmp_path, env=environment, timeout=600)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert {file.name for file in tmp_path.iterdir() if not file.name.startswith("tmp")} <= {script.name}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_kept_without_outputs_in_two_languages(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert faults_of(notebook) == []
    assert text == json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "one source line a row"


def test_faults_are_seen() -> None:
    notebook = json.loads(NOTEBOOKS[0].read_text(encoding="utf-8"))
    text, code = (
        next(cell for cell in notebook["cells"] if cell["cell_type"] == kind) for kind in ("markdown", "code")
    )
    code |= {"outputs": [{"output_type": "stream", "text": ["1\n"]}], "execution_count": 1}
    code["source"] = ["x = '/home/somebody/x'"]
    text["source"] = ["English alone"]
    assert len(faults_of(notebook)) == 3


def test_the_readme_lists_each() -> None:
    listed = re.findall(r"\]\((\w+\.ipynb)\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert listed == [path.name for path in NOTEBOOKS]
