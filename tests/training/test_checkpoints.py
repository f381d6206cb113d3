import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from omegaconf import DictConfig

from seqlab.data.log_sessions import LogSessions
from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.surprise import surprise
from seqlab.errors import UserError
from seqlab.tasks.base import SequenceTask
from seqlab.training.build import build_data, build_task, check_monitor
from seqlab.training.callbacks import build_callbacks
from seqlab.training.checkpoints import (
    FORMAT,
    KEY,
    add_to_checkpoint,
    contents_of,
    forget_previous,
    keep_previous,
    load_task,
    load_weights,
    read_checkpoint,
    write_atomically,
)
from seqlab.training.trainer import build_trainer

Compose = Callable[..., DictConfig]
TINY = (
    "data.sample.num_blocks=120",
    "trainer.max_epochs=3",
    "trainer.enable_progress_bar=false",
    "model.network.hidden_size=6",
    "model.network.embedding_size=4",
)


class Run(NamedTuple):
    """A short training, done."""

    config: DictConfig
    data: LogSessions
    task: SequenceTask
    best: Path
    last: Path
    losses: list[float]  # val/loss after each epoch


def trained(config: DictConfig, folder: Path) -> Run:
    torch.manual_seed(0)
    data: Any = build_data(config.data)
    data.setup()
    task = build_task(config, data.sizes)
    around = build_callbacks(config, folder, contents_of(config, data))
    build_trainer(config.trainer, around.all, [], folder).fit(task, datamodule=data)
    losses = around.history.series["val/loss"][1]
    return Run(config, data, task, folder / "best.ckpt", folder / "last.ckpt", losses)


@pytest.mark.parametrize(
    ("optimizer", "scheduler"),
    [("adam", "warmup_cosine"), ("adamw", "onecycle"), ("sgd", "plateau"), ("adam", "constant")],
)
def test_both_checkpoints_load_as_plain_values_whatever_trained(
    composed: Compose, tmp_path: Path, optimizer: str, scheduler: str
) -> None:
    config = composed(*TINY, f"optimizer={optimizer}", f"scheduler={scheduler}", "trainer.max_epochs=1")
    run = trained(config, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.ckpt", "last.ckpt", "previous.ckpt"]
    for path in (run.best, run.last):
        checkpoint = torch.load(path, weights_only=True)
        assert checkpoint["optimizer_states"][0]["state"]
        assert checkpoint[KEY]["sizes"] == run.data.sizes
        assert Vocabulary.from_state(checkpoint[KEY]["data"]["vocabulary"]) == run.data.vocabulary


@pytest.mark.parametrize(("mode", "choose"), [("min", np.argmin), ("max", np.argmax)])
def test_best_is_the_epoch_with_the_best_monitored_metric(
    composed: Compose, tmp_path: Path, mode: str, choose: Callable[[list[float]], int]
) -> None:
    run = trained(composed(*TINY, f"monitor.mode={mode}"), tmp_path)
    assert len(set(run.losses)) == 3
    assert read_checkpoint(run.best)["epoch"] == choose(run.losses)
    assert read_checkpoint(run.last)["epoch"] == 3  # epochs done


@pytest.mark.parametrize("model", ["gru", "gru_ae"])
def test_a_task_comes_back_from_its_checkpoint_alone(composed: Compose, tmp_path: Path, model: str) -> None:
    extra = ["model.network.attention=location"] if model == "gru_ae" else []
    run = trained(composed(f"model={model}", *TINY, *extra), tmp_path)
    load_weights(run.task, run.best)
    again, contents = load_task(run.best)
    assert again is not run.task
    assert not again.training
    assert contents.judge is None
    assert contents.data["max_length"] == run.data.max_length
    vocabulary = Vocabulary.from_state(contents.data["vocabulary"])
    plan = run.data.scoring_plan("val")
    expected, found = surprise(run.task, plan, run.data.vocabulary), surprise(again, plan, vocabulary)
    assert np.array_equal(found.nll, expected.nll)
    assert np.array_equal(found.rank, expected.rank)
    assert found.nll.std() > 0


def test_adding_a_value_keeps_the_rest_and_leaves_no_other_file(composed: Compose, tmp_path: Path) -> None:
    run = trained(composed(*TINY, "trainer.max_epochs=1"), tmp_path)
    before = read_checkpoint(run.best)
    add_to_checkpoint(run.best, "judge", {"threshold": 1.5})
    after = read_checkpoint(run.best)
    assert after[KEY] == before[KEY] | {"judge": {"threshold": 1.5}}
    for name, tensor in before["state_dict"].items():
        assert torch.equal(after["state_dict"][name], tensor)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.ckpt", "last.ckpt", "previous.ckpt"]


def foreign_checkpoint(path: Path, model: Any) -> Path:
    evaluation = {"_target_": "seqlab.evaluation.detection.DetectionEvaluation"}
    beside = {"sizes": {}, "data": {}, "judge": None, "config": {}, "trackers": {}}
    held = {"format": FORMAT, "model": model, "evaluation": evaluation, **beside}
    torch.save({KEY: held, "state_dict": {}}, path)
    return path


def models_that_run(command: str) -> dict[str, Any]:
    """Configs that would run a command if they were instantiated."""
    task = "seqlab.tasks.next_event.NextEvent"
    return {
        "whole": {"_target_": "os.system", "command": command},
        "inside": {"_target_": task, "unk_id": 3, "network": {"_target_": "os.system", "command": command}},
        "in_a_list": {
            "_target_": task,
            "unk_id": 3,
            "network": [{"_target_": "os.system", "command": command}],
        },
        "as_an_argument": {"_target_": task, "_args_": [{"_target_": "os.system", "command": command}]},
        "through_a_resolver": {
            "_target_": task,
            "unk_id": 3,
            "network": "${oc.create:{_target_:os.system,command:'" + command + "'}}",
        },
        "through_a_module": {"_target_": "seqlab.tasks.base.inspect.os.system", "command": command},
        "through_torch": {"_target_": "torch.nn.parallel.distributed.os.system", "command": command},
        "through_a_function": {
            "_target_": "torch.nn.modules.module.functools.partial",
            "_args_": [{"_target_": "torch.nn.parallel.distributed.os.system", "command": command}],
        },
    }


@pytest.mark.parametrize("kind", models_that_run(""))
def test_a_checkpoint_that_names_other_code_is_refused_and_nothing_runs(tmp_path: Path, kind: str) -> None:
    mark = tmp_path / "executed"
    model = models_that_run(f"touch {mark}")[kind]
    path = foreign_checkpoint(tmp_path / "best.ckpt", model)
    with pytest.raises(UserError) as caught:
        load_task(path)
    assert str(caught.value).startswith(f"{path}: it names ")
    assert str(caught.value).endswith(
        "which is no network, task, evaluation or coder of seqlab; nothing was executed"
    )
    assert not mark.exists()


class Touch:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_would_execute_is_refused(tmp_path: Path) -> None:
    mark, path = tmp_path / "executed", tmp_path / "best.ckpt"
    torch.save({KEY: Touch(mark)}, path)
    with pytest.raises(UserError, match="cannot be read as a checkpoint"):
        read_checkpoint(path)
    assert not mark.exists()
    torch.load(path, weights_only=False)  # what it would have done
    assert mark.exists()


def test_a_missing_file_says_what_the_path_is_relative_to(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.ckpt: no such checkpoint; the path is relative to "):
        read_checkpoint(tmp_path / "none.ckpt")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 broken", b"\x80\x02broken"])
def test_a_broken_file_is_named_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "best.ckpt"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_checkpoint(path)
    assert str(caught.value).startswith(f"{path}: cannot be read as a checkpoint: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [{"state_dict": {}}, [1, 2], torch.zeros(2), {KEY: 3}])
def test_a_file_of_another_program_is_named(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "model.pt"
    torch.save(content, path)
    with pytest.raises(UserError) as caught:
        load_task(path)
    assert str(caught.value) == (
        f"{path}: not a checkpoint of seqlab; give a run's best.ckpt: runs/.../checkpoints/best.ckpt"
    )


def test_a_checkpoint_that_lacks_its_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "best.ckpt"
    torch.save({KEY: {"format": 1}, "state_dict": {}}, path)
    with pytest.raises(UserError, match=r"best\.ckpt: seqlab\.model is missing .*take another copy of it"):
        load_task(path)


@pytest.mark.parametrize(
    ("version", "remedy"),
    [(0, "reads 1; train the model again"), (2, "written by a newer seqlab: upgrade with pip install")],
)
def test_a_checkpoint_of_another_version_is_told(tmp_path: Path, version: int, remedy: str) -> None:
    path = tmp_path / "best.ckpt"
    torch.save({KEY: {"format": version}, "state_dict": {}}, path)
    with pytest.raises(UserError, match=rf"it is of format {version}, .*{remedy}"):
        load_task(path)


def test_a_model_that_would_never_be_validated_is_told_before_training(
    composed: Callable[..., DictConfig],
) -> None:
    config = composed("trainer.max_epochs=5", "trainer.check_val_every_n_epoch=10")
    with pytest.raises(
        UserError, match=r"check_val_every_n_epoch=10 with trainer\.max_epochs=5: .* add trainer"
    ):
        check_monitor(config)
    check_monitor(composed("trainer.max_epochs=10", "trainer.check_val_every_n_epoch=10"))


def step_of(path: Path) -> int:
    return torch.load(path, weights_only=True)["step"]


def test_a_write_that_fails_leaves_the_file_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.ckpt"
    write_atomically({"step": 1}, path)

    def no_disk(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", no_disk)
    with pytest.raises(OSError, match="no space"):
        write_atomically({"step": 2}, path)
    assert step_of(path) == 1
    forget_previous(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize("has_links", [True, False])
def test_the_one_before_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool) -> None:
    if not has_links:

        def no_link(source: Path, target: Path) -> None:
            raise OSError("operation not permitted")

        monkeypatch.setattr(os, "link", no_link)
    keep_previous(tmp_path)  # nothing there yet
    for step in (1, 2, 3):
        keep_previous(tmp_path)
        write_atomically({"step": step}, tmp_path / "last.ckpt")
    assert step_of(tmp_path / "last.ckpt") == 3
    assert step_of(tmp_path / "previous.ckpt") == 2
    forget_previous(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["last.ckpt"]
