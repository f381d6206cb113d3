"""benchmarks/layers.yaml: every run composes, and kinds of a task have parameters alike."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import yaml
from omegaconf import DictConfig

from seqlab.training.build import build_task

SIZES = {  # of the real files, about
    "shakespeare": {"vocab_size": 69},
    "loghub": {"vocab_size": 18},
    "names": {"vocab_size": 90, "num_classes": 18},
    "wnut17": {
        "vocab_size": 10_000,
        "first_singleton_id": 4_000,
        "num_characters": 100,
        "num_shapes": 12,
        "num_tags": 13,
        "tags_are_bio": True,
    },
    "stock": {"num_features": 5, "horizon": 1, "num_targets": 1, "num_known": 0},
    "multi30k": {
        "source_vocab_size": 4_000,
        "target_vocab_size": 4_000,
        "max_source_length": 50,
        "joint_vocabulary": True,
    },
}
SPECIALS = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3}


SPEC: Any = yaml.safe_load(
    (Path(__file__).resolve().parents[1] / "benchmarks" / "layers.yaml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "stock" else pytest.mark.soak) for name in SPEC["tasks"]]
)
def test_kinds_of_a_task_have_parameters_alike(
    load_script: Callable[[str], ModuleType], composed: Callable[..., DictConfig], name: str
) -> None:
    study = load_script("benchmarks/layers.py")

    def count(sizes: dict[str, Any], *overrides: str) -> int:
        with torch.device("meta"):
            network = build_task(composed(*overrides), SPECIALS | sizes).network
        return sum(weight.numel() for weight in network.parameters())

    task = SPEC["tasks"][name]
    sizes = SIZES[task["data"]]
    base = count(sizes, *task["overrides"].split())
    for kind in SPEC["kinds"]:
        found = count(sizes, *study.overrides_of(SPEC, name, kind))
        assert 0.65 * base <= found <= base, (kind, found, base)


def test_minutes_become_steps_at_a_rate_and_finished_runs_are_kept(
    load_script: Callable[[str], ModuleType], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_script("benchmarks/layers.py")
    monkeypatch.setattr(study.subprocess, "run", None)  # nothing is run
    (tmp_path / "rate").mkdir()
    (tmp_path / "rate" / "metrics.json").write_text('{"timing/fit_seconds": 4.0}', encoding="ascii")
    steps = study.length_of({"minutes": 1}, tmp_path, ["model=gru"])
    assert steps == ["trainer.max_epochs=-1", "trainer.max_steps=1500"]
    assert study.length_of({}, tmp_path, []) == []
