"""``seqlab doctor``: a row for each thing, what to do, and the exit code of a script."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.cli import main
from seqlab.commands import doctor

Rows = dict[str, dict[str, str]]


@pytest.fixture
def asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Any]:
    """``seqlab doctor --json`` in an empty folder, with an empty cache: exit code and rows by name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQLAB_DATA", str(tmp_path / "cache"))

    def run() -> tuple[int, Rows]:
        capsys.readouterr()
        code = main(["doctor", "--json"])
        found = json.loads(capsys.readouterr().out)
        assert found["ok"] == (code == 0)
        return code, {check["about"]: check for check in found["checks"]}

    return run


def test_a_machine_that_can_train(asked: Callable[..., Any]) -> None:
    code, rows = asked()
    assert code == 0
    assert {"Python", "seqlab", "torch", "pytorch-lightning", "hydra-core", "CPU", "precision"} <= set(rows)
    assert rows["public data"]["found"].startswith("none of ")
    assert "trainer.precision=auto is " in rows["precision"]["todo"]
    assert rows["runs/"]["state"] == "ok"
    assert not list(Path.cwd().iterdir())  # nothing is left behind


def test_what_every_run_needs_fails(asked: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("runs").write_text("no folder")
    found = doctor._found
    old = {"optuna": None, "torch": "1.0"}
    monkeypatch.setattr(doctor, "_found", lambda name: old[name] if name in old else found(name))
    code, rows = asked()
    assert code == 1
    assert (rows["runs/"]["state"], rows["optuna"]["state"]) == ("FAIL", "FAIL")
    assert rows["optuna"]["found"] == "not installed"
    assert rows["torch"] == {
        "about": "torch",
        "found": "1.0",
        "state": "FAIL",
        "todo": "pip install 'torch>=2.11'",
    }


def test_a_package_that_does_not_load_is_a_row(
    asked: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def _broken() -> None:
        raise ImportError("libcudart.so: cannot open shared object file")

    monkeypatch.setattr(doctor, "GROUPS", (_broken, doctor._runs))
    assert asked()[0] == 0  # no run needs it
    monkeypatch.setattr(doctor, "NEEDED", (_broken,))
    code, rows = asked()
    assert code == 1
    assert "libcudart.so" in rows["broken"]["found"]
    assert rows["runs/"]["state"] == "ok"


def test_the_key_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "GROUPS", (doctor._runs, doctor._trackers))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    key = "0123456789abcdef" * 2 + "01234567"

    def told() -> str:
        assert main(["doctor"]) == 0
        out, err = capsys.readouterr()
        assert "ready to train" in out
        assert key not in out + err
        return out

    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "wandb login" in told()
    (tmp_path / "netrc").write_text(f"machine api.wandb.ai login user password {key}\n")
    assert "a key for api.wandb.ai is here" in told()
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert "wandb login" in told()
    monkeypatch.setenv("WANDB_API_KEY", key)
    assert "a key for wandb.example.org" in told()
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb/settings").write_text("[default]\nmode = offline\n")
    assert "offline" in told()


def test_files_that_the_settings_of_a_project_name(asked: Callable[..., Any]) -> None:
    Path("train.py").write_text("from seqlab.commands.train import main\n")
    Path("conf/data").mkdir(parents=True)
    Path("prices.csv").write_text("Date,Close\n")
    Path("conf/data/here.yaml").write_text("path: prices.csv\n")
    Path("conf/data/gone.yaml").write_text("train: [a.txt, prices.csv]\nval: null\ntest: ???\n")
    Path("conf/experiment").mkdir()
    Path("conf/experiment/mine.yaml").write_text("data: {path: gone.csv}\n")
    code, rows = asked()
    assert code == 0
    assert rows["experiment=mine"]["found"] == "1 files not here: gone.csv"
    assert rows["data=here"]["found"] == "all 1 files are here"
    assert (rows["data=gone"]["state"], rows["data=gone"]["found"]) == ("note", "1 files not here: a.txt")
