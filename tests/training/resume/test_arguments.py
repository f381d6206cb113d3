import os
from pathlib import Path

import pytest

from seqlab.errors import UserError
from seqlab.training.resume.arguments import resumed_arguments


def run_folder(path: Path, *overrides: str, written: float = 1.0, finished: bool = False) -> Path:
    (path / ".hydra").mkdir(parents=True)
    stored = path / ".hydra" / "overrides.yaml"
    stored.write_text("".join(f"- {each}\n" for each in overrides) or "[]\n", encoding="utf-8")
    os.utime(stored, (written, written))
    if finished:
        (path / "metrics.json").write_text("{}", encoding="utf-8")
    return path


def test_without_resume_nothing_changes() -> None:
    assert resumed_arguments(["model=gru", "seed=1"]) == ["model=gru", "seed=1"]
    assert resumed_arguments(["seed=1", "resume=null"]) == ["seed=1", "resume=null"]


def test_the_run_s_own_overrides_come_back_and_what_is_given_wins(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "a", "model=gru", "optimizer.lr=0.1", "+callbacks.extra.x=1", "resume=old")
    assert resumed_arguments([f"resume={run}", "optimizer.lr=0.2"]) == [
        "model=gru",
        "+callbacks.extra.x=1",
        "optimizer.lr=0.2",
        f"hydra.run.dir={run}",
        f"resume={run}",
    ]


def test_a_folder_with_a_blank_is_quoted_for_hydra(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "my run")
    assert resumed_arguments([f"resume={run}"]) == [f'hydra.run.dir="{run}"', f'resume="{run}"']


def test_latest_is_the_youngest_unfinished_one(tmp_path: Path) -> None:
    run_folder(tmp_path / "x" / "old", written=1)
    young = run_folder(tmp_path / "x" / "young", written=2)
    run_folder(tmp_path / "y" / "done", written=3, finished=True)
    assert resumed_arguments(["resume=latest"], tmp_path)[-1] == f"resume={young}"


@pytest.mark.parametrize(("finished", "said"), [(True, "every run below"), (False, "no run below")])
def test_latest_with_nothing_to_go_on_with(tmp_path: Path, finished: bool, said: str) -> None:
    if finished:
        run_folder(tmp_path / "done", finished=True)
    with pytest.raises(UserError, match=f"^resume=latest: {said}"):
        resumed_arguments(["resume=latest"], tmp_path)


def test_auto_begins_and_then_goes_on(tmp_path: Path) -> None:
    line = ["model=gru", f"hydra.run.dir={tmp_path / 'job'}", "resume=auto"]
    assert resumed_arguments(line) == line[:2]
    run = run_folder(tmp_path / "job", "model=gru")
    assert resumed_arguments(line) == ["model=gru", f"hydra.run.dir={run}", f"resume={run}"]
    with pytest.raises(UserError, match=r"^resume=auto: which folder\?"):
        resumed_arguments(["resume=auto"])


def test_what_is_no_run_and_a_grid_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run lies there"):
        resumed_arguments([f"resume={tmp_path}"])
    with pytest.raises(UserError, match="one run at a time"):
        resumed_arguments(["-m", "resume=latest"], tmp_path)
