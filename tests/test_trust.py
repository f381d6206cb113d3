"""Whose code a checkpoint may name. Packages are written for each test, so that an import can be seen."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.errors import UserError
from seqlab.training.checkpoints import KEY, load_task
from seqlab.trust import RUNS, check_packages, imported, outside_packages, refuse_untrusted, trust_options

TASK = "seqlab.tasks.next_event.NextEvent"
CODE = """
import os
import subprocess
from pathlib import Path

import torch
from seqlab.evaluation.base import Evaluation, NothingFitted
from seqlab.networks.char_rnn import CharRNN

Path(__file__).with_name("imported").touch()


class Net(torch.nn.Module):
    def forward(self, contexts):
        return contexts


class Plain:
    def __init__(self):
        Path(__file__).with_name("built").touch()


class Judge(Evaluation):
    def fit(self, task, datamodule):
        return NothingFitted(), {}

    def test(self, task, datamodule, judge):
        raise NotImplementedError

    def predict(self, task, contents, path):
        return "mine"


def predict(task, contents, path):
    return "mine"
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """labtrust/, a package in the current folder, which is not on the path."""
    folder = tmp_path / "labtrust"
    folder.mkdir()
    (folder / "__init__.py").write_text(CODE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delitem(sys.modules, "labtrust", raising=False)
    return folder


OWN_EVALUATION = "seqlab.evaluation.detection.DetectionEvaluation"


def checkpoint(model: Any, evaluation: str = OWN_EVALUATION) -> Path:
    content = {"format": 1, "model": model, "sizes": {}, "data": {}, "evaluation": {"_target_": evaluation}}
    torch.save({KEY: content, "state_dict": {}}, "best.ckpt")
    return Path("best.ckpt")


def next_event(target: str, **settings: Any) -> dict[str, Any]:
    return {"_target_": TASK, "unk_id": 3, "network": {"_target_": target, **settings}}


def test_without_trust_nothing_is_imported_and_the_message_says_what_to_type(package: Path) -> None:
    path = checkpoint(next_event("labtrust.Net"))
    with pytest.raises(UserError) as caught:
        load_task(path, ["otherlab"])
    assert str(caught.value) == (
        "best.ckpt: it names labtrust.Net, code outside seqlab, which was not run. Where you trust the whole "
        "package, add --trust labtrust to the command"
    )
    assert not (package / "imported").exists()
    assert "labtrust" not in sys.modules


def test_all_packages_that_are_missing_are_named_at_once(package: Path) -> None:
    path = checkpoint(
        next_event("labtrust.Net", first={"_target_": "labtwo.A"}, second=[{"_target_": "os2.B"}])
    )
    with pytest.raises(UserError, match="add --trust labtwo --trust os2 to the command"):
        load_task(path, ["labtrust"])
    assert not (package / "imported").exists()


def test_a_trusted_package_is_found_in_the_current_folder(package: Path) -> None:
    task, _ = load_task(checkpoint(next_event("labtrust.Net"), "labtrust.Judge"), ["labtrust"])
    assert type(task.network).__module__ == "labtrust"


def test_only_the_trusted_one_is_found_there(package: Path) -> None:
    load_task(checkpoint(next_event("labtrust.Net"), "labtrust.Judge"), ["labtrust"])
    Path("labsecond.py").write_text("raise SystemExit('imported')", encoding="utf-8")
    with pytest.raises(ModuleNotFoundError):
        __import__("labsecond")


@pytest.mark.parametrize(
    "target",
    [
        "labtrust.os.system",
        "labtrust.subprocess.Popen",
        "labtrust.Plain",
        "labtrust.predict",
        "os.system",
        "builtins.eval",
        "__main__.Net",
        "torch.hub.load",
        "torch.load",
        "seqlab.training.checkpoints.load_task",
    ],
)
def test_trust_is_for_networks_of_the_package_itself(package: Path, target: str) -> None:
    with pytest.raises(UserError) as caught:
        load_task(checkpoint(next_event(target)), ["labtrust"])
    assert str(caught.value) == (
        f"best.ckpt: it names {target}, which is no network, task, evaluation or coder of seqlab; nothing "
        "was executed"
    )
    assert not (package / "built").exists()


def test_what_a_trusted_package_hands_on_of_ours_is_ours(package: Path) -> None:
    path = checkpoint(
        {
            "_target_": "seqlab.tasks.language_model.LanguageModel",
            "pad_id": 0,
            "network": {"_target_": "labtrust.CharRNN", "vocab_size": 5, "pad_id": 0, "hidden_size": 2},
        }
    )
    # built, and this checkpoint holds no weights
    with pytest.raises(UserError, match=r"its weights do not fit its model: .*Missing key"):
        load_task(path, ["labtrust"])


def test_evaluations_follow_the_same_rule(package: Path) -> None:
    def evaluation(name: str, *trust: str) -> Any:
        return load_task(checkpoint(next_event("torch.nn.Identity"), name), trust)[0].evaluation

    with pytest.raises(UserError, match=r"names labtrust\.Judge, code outside seqlab.* add --trust labtrust"):
        evaluation("labtrust.Judge")
    assert not (package / "imported").exists()
    assert evaluation("labtrust.Judge", "labtrust").predict(None, None, None) == "mine"
    for name in (
        "labtrust.os.system",
        "labtrust.Net",
        "labtrust.predict",
        "os.system",
        "torch.load",
        "seqlab.cli.main",
        "seqlab.evaluation.base.Contents",
    ):
        with pytest.raises(UserError, match="which is no network, task, evaluation or coder of seqlab"):
            evaluation(name, "labtrust")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("labtrust.nets", "give the name of a package alone, such as labtrust"),
        ("./labtrust", "give the name of a package alone, such as mylab"),
        ("os", "a part of Python itself"),
        ("subprocess", "a part of Python itself"),
        ("__main__", "a part of Python itself"),
    ],
)
def test_what_cannot_be_trusted(name: str, said: str) -> None:
    with pytest.raises(UserError, match=f"^--trust {name}: .*{said}"):
        check_packages([name])


def test_a_package_that_is_not_there_says_what_to_type(package: Path) -> None:
    with pytest.raises(
        UserError,
        match=r"best\.ckpt: it names nolab\.Net, which cannot be imported: no module nolab is found; type "
        r"PYTHONPATH=FOLDER before the command, FOLDER being the one that nolab lies in",
    ):
        load_task(checkpoint(next_event("nolab.Net")), ["nolab"])
    with pytest.raises(UserError, match=r"labtrust\.Nat, which cannot be imported: No module named"):
        load_task(checkpoint(next_event("labtrust.Nat")), ["labtrust"])


def test_a_config_of_one_s_own_is_told_where_its_package_lies(
    package: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError) as caught:
        imported("labtrust.Net", "model.network._target_")
    assert str(caught.value).startswith(
        "model.network._target_=labtrust.Net: cannot be imported: no module labtrust is found; type "
        f"PYTHONPATH={tmp_path} before the command"
    )
    assert capfd.readouterr().err == ""  # Hydra logs a failure of its own
    assert imported("seqlab.trust.imported", "here") is imported


@pytest.mark.parametrize(
    "target",
    [
        *("torch.hub.load", "torch.utils.cpp_extension.load_inline", "torch.load", "torch.nn.functional"),
        *("torch.nn.Module.load_state_dict", "torch.nn.functional.relu", "torch.nn.modules.os.system"),
        *("pytorch_lightning.utilities.model_helpers.is_overridden", "inspect.getsource"),
        *("seqlab.tasks.next_event.NextEvent.load_from_checkpoint", "seqlab.training.tracking.build_loggers"),
        *("seqlab.data.text_files.read_bytes", "builtins.exec", "functools.partial", "operator.methodcaller"),
        *(
            "seqlab.data.session_files.pickle.loads",
            "torch.nn.Linear.__init__.__globals__",
            "os",
            "torch",
            "",
        ),
        *("seqlab.training.schedulers.math.sqrt", "torch.nn.modules.module.torch.ops.load_library"),
    ],
)
def test_settings_of_a_run_name_classes_and_schedules(target: str) -> None:
    for settings in ({}, {"_partial_": True}, {"_args_": ["touch ran"]}):
        with pytest.raises(UserError, match="which is no network"):
            refuse_untrusted({"x": [{"_target_": target} | settings]}, "run", (), RUNS)
    refuse_untrusted({"x": {"_target_": "seqlab.training.schedulers.cosine"}}, "run", (), RUNS)


def test_packages_of_a_config() -> None:
    model = next_event("mylab.tcn.CausalTCN", act={"_target_": "torch.nn.ReLU"}, parts=[{"_target_": "b.C"}])
    assert outside_packages(model, {"_target_": "other.Judge"}) == ["b", "mylab", "other"]
    assert outside_packages(next_event("seqlab.networks.x.Y")) == []
    assert trust_options(["a", "b"]) == "--trust a --trust b"
