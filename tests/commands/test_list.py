import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqlab.cli import main
from seqlab.files import RUN_LOCK, locked

STARTED = 1_700_000_000
LOG = "[2026-01-31 12:00:00,000][seqlab][INFO] - "


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of each state, begun one after the other; ``broken`` failed before anything was saved."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(["done", "stopped", "failed", "broken"]):
        folder = tmp_path / "runs" / name
        (folder / ".hydra").mkdir(parents=True)
        config = {
            "seed": number,
            "monitor": {"metric": "val/loss", "mode": "min"},
            "name": "base" if name == "done" else None,
            "tags": ["paper"] if name in ("done", "stopped") else [],
            "model": {"_target_": "mylab.tcn.TCN"},
        }
        record = {"config": config, "choices": {"model": "gru", "data": "hdfs_window"}}
        (folder / "config.json").write_text(json.dumps(record))
        os.utime(folder / "config.json", (STARTED + number, STARTED + number))
        (folder / "environment.json").write_text(json.dumps({"command": f"python train.py seed={number}"}))
        if name != "broken":
            (folder / "checkpoints").mkdir()
            (folder / "checkpoints" / "last.ckpt").touch()
        failure = f"{LOG}failed: Traceback ...\n  File\nValueError: no good\n" if "ed" not in name else ""
        failure = f"{LOG}failed: not enough memory\n" if name == "failed" else failure
        (folder / "train.log").write_text(f"{LOG}failed: earlier, and gone on\n{LOG}epoch 1\n{failure}")
    (tmp_path / "runs" / "done" / "metrics.json").write_text(json.dumps({"val/loss": 0.25}))
    return tmp_path / "runs"


def listed(capsys: pytest.CaptureFixture, *arguments: str) -> list[dict]:
    assert main(["list", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_run_with_its_state_and_the_command_that_goes_on(runs: Path, capsys) -> None:
    found = listed(capsys)
    assert [(Path(run["folder"]).name, run["state"], run["why"], run["command"]) for run in found] == [
        ("broken", "failed", "ValueError: no good", "python train.py seed=3"),
        ("failed", "failed", "not enough memory", "seqlab train resume=runs/failed --trust mylab"),
        ("stopped", "stopped", "", "seqlab train resume=runs/stopped --trust mylab"),
        ("done", "finished", "", ""),
    ]
    assert [run["value"] for run in found] == [None, None, None, 0.25]
    assert found[-1]["name"] == "base"
    with locked(runs / "stopped" / RUN_LOCK):
        running = listed(capsys)[2]
    assert (running["state"], running["command"]) == ("running", "")


def test_the_lock_of_a_killed_run_is_no_running_one(runs: Path, capsys) -> None:
    lock = runs / "stopped" / RUN_LOCK
    code = f"import filelock, os; filelock.FileLock({str(lock)!r}).acquire(); os._exit(9)"
    subprocess.run([sys.executable, "-c", code], check=False)
    lock.touch()
    assert listed(capsys)[2]["state"] == "stopped"


def test_the_table_says_what_to_type(runs: Path, capsys) -> None:
    assert main(["list", "runs"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "begun state model and data seed judged by name folder"
    assert any("finished gru on hdfs_window 0 val/loss 0.25 base #paper runs/done" in line for line in lines)
    assert "failed: runs/broken: ValueError: no good" in lines
    assert "seqlab train resume=runs/stopped --trust mylab" in lines


def test_runs_of_a_tag(runs: Path, capsys) -> None:
    assert [Path(run["folder"]).name for run in listed(capsys, "--tag", "paper")] == ["stopped", "done"]
    assert main(["list", "--tag", "papr"]) == 2
    assert "--tag papr: no run has it; their tags: paper" in capsys.readouterr().err
    assert main(["list", "nowhere"]) == 2
