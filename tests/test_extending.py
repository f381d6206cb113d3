"""docs/extending*.md: its files are written, its commands and blocks run; what they print stands there."""

import contextlib
import importlib
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
PAGES = sorted((ROOT / "docs").glob("extending*.md"))
BLOCK = re.compile(r"```(python|yaml|bash)\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)
FILE = re.compile(r"^# .*?(myproject/\S+)\n", re.MULTILINE)
TINY = ("trainer.enable_progress_bar=false",)
SMALL_DATA = "data.sample.num_blocks=60"  # where a page's command takes the default data


def blocks_of(page: Path) -> list[tuple[str, str, str]]:
    """Kind, code and what it prints, in their order."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder that holds the files of the page that the test is about, with their package on the path."""
    for _, code, _ in blocks_of(request.getfixturevalue("page")):
        if named := FILE.search(code):
            (tmp_path / named[1]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / named[1]).write_text(code, encoding="utf-8")
    (tmp_path / "myproject" / "sessions.txt").write_text("5 5 22 11\n5 22 5 11 9\n", encoding="ascii")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path / "myproject"))
        patch.chdir(tmp_path)
        yield tmp_path
    for name in [each for each in sys.modules if each.partition(".")[0] == "yourlab"]:
        del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_every_block_of_a_page_does_what_it_says(
    page: Path, project: Path, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = project / "no_run_yet"
    session: dict[str, object] = {}
    for number, (kind, code, expected) in enumerate(blocks_of(page)):
        printed = io.StringIO()
        if kind == "python" and not FILE.search(code):
            with contextlib.redirect_stdout(printed):
                exec(compile(code.replace("RUN/", f"{run}/"), page.name, "exec"), session)
            assert printed.getvalue() == expected, code
        if kind != "bash":
            continue
        for line in code.splitlines():
            words = shlex.split(line.replace("RUN/", f"{run}/"), comments=True)
            if words[0] == "cd":
                monkeypatch.chdir(Path.cwd() / words[1])
            elif words[0] == "seqlab":
                with contextlib.redirect_stdout(printed):
                    assert main(words[1:]) == 0, line
            else:
                assert words[:3] == ["PYTHONPATH=myproject", "python", "train.py"]
                run = project / "runs" / str(number)
                small = (
                    (SMALL_DATA,)
                    if "hdfs" in page.read_text(encoding="utf-8") or "model=" not in line
                    else ()
                )
                found = call(run, *words[3:], *TINY, *small)
                assert found.code == 0, found.said
                printed.write(found.said)
        for wanted in expected.splitlines():
            assert wanted in printed.getvalue(), wanted


def test_every_task_and_preset_of_the_table_is_there() -> None:
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \(`model=(\w+)`\)", text, re.MULTILINE)
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
