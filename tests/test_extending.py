"""docs/extending.md: its files are written, its commands and blocks run; what they print stands there."""

import contextlib
import io
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqlab.cli import main

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(python|yaml|bash)\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)
BLOCKS = BLOCK.findall(PAGE)
TINY = ("data.sample.num_blocks=60", "trainer.enable_progress_bar=false", "logger=[]")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that the page's files are written into, with its package on the path."""
    folder = tmp_path_factory.mktemp("page")
    for _, code, _ in BLOCKS:
        if named := re.search(r"^# .*(myproject/\S+)\n", code, re.MULTILINE):
            (folder / named[1]).parent.mkdir(parents=True, exist_ok=True)
            (folder / named[1]).write_text(code, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder / "myproject"))
        patch.chdir(folder)
        yield folder
    for name in [each for each in sys.modules if each.partition(".")[0] == "yourlab"]:
        del sys.modules[name]


def test_the_files_and_commands(
    project: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (project / "myproject" / "sessions.txt").write_text("5 5 22 11\n5 22 5 11 9\n", encoding="ascii")
    lines = [line for kind, code, _ in BLOCKS if kind == "bash" for line in code.splitlines()]
    ran = []
    for line in lines:
        words = shlex.split(line.replace("RUN/", f"{tmp_path}/run/"))
        if words[0] == "cd":
            monkeypatch.chdir(project / words[1])
        elif words[0] == "seqlab":
            assert main(words[1:]) == 0, line
            ran.append(words[1])
        else:
            assert words[:3] == ["PYTHONPATH=myproject", "python", "train.py"]
            run = call(tmp_path / "run", *words[3:], *TINY)
            assert run.code == 0, run.said
            note = re.search(r"`(note: opening its checkpoints needs --trust \w+)`", PAGE)
            assert note is not None
            assert note[1] in run.said
    assert ran == ["predict", "export"]
    assert (project / "myproject" / "scores.csv").read_text().count("\n") == 3


def test_each_block_prints_what_stands_below_it(project: Path) -> None:
    blocks = [(code, expected) for kind, code, expected in BLOCKS if kind == "python" and code[0] != "#"]
    assert len(blocks) == 2
    session: dict[str, object] = {}
    for code, expected in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "extending.md", "exec"), session)
        assert printed.getvalue() == expected, code


def test_every_task_and_preset_of_the_table_is_there() -> None:
    import importlib

    rows = re.findall(r"^\| `(\w+)` \(`model=(\w+)`\)", PAGE, re.MULTILINE)
    presets = [path.read_text() for path in (ROOT / "conf" / "model").glob("*.yaml")]
    targets = {name for text in presets for name in re.findall(r"_target_: seqlab\.tasks\.\w+\.(\w+)", text)}
    assert {task for task, _ in rows} == targets
    for task, preset in rows:
        target = re.search(
            r"_target_: (seqlab\.tasks\.\S+)", (ROOT / f"conf/model/{preset}.yaml").read_text()
        )
        assert target is not None
        module, _, name = target[1].rpartition(".")
        assert name == task
        contract = getattr(importlib.import_module(module), name).contract
        assert contract.__name__ == f"{task}Network"
