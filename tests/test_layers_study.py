"""benchmarks/layers.yaml: every run composes, kinds of a task have parameters alike, and the tables."""

import sys
from collections.abc import Callable
from itertools import chain
from types import ModuleType
from typing import Any

import pytest
import torch
from omegaconf import DictConfig

from seqlab.training.build import build_task
from tests.records import entry

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
TASKS = ("shakespeare_1_minute", "shakespeare_6_minutes", "hdfs", "names", "wnut17", "stock", "multi30k")


@pytest.fixture(scope="module")
def study(results: ModuleType) -> ModuleType:
    """benchmarks/layers.py."""
    return sys.modules["benchmarks.layers"]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "stock" else pytest.mark.soak) for name in TASKS]
)
def test_kinds_of_a_task_have_parameters_alike(
    study: ModuleType, composed: Callable[..., DictConfig], name: str
) -> None:
    def count(sizes: dict[str, Any], overrides: str) -> int:
        with torch.device("meta"):
            network = build_task(composed(*overrides.split()), SPECIALS | sizes).network
        return sum(weight.numel() for weight in network.parameters())

    spec = study.read_spec()
    task = spec["tasks"][name]
    sizes = SIZES[task["data"]]
    base = count(sizes, task["overrides"])
    for kind in spec["kinds"]:
        found = count(sizes, study.overrides_of(spec, name, kind))
        assert 0.65 * base <= found <= base, (kind, found, base)


def test_the_tables_hold_every_task_and_runs_are_like_those_of_the_page(
    study: ModuleType, results: ModuleType
) -> None:
    spec, tables = study.read_spec(), results.read_tables()
    assert sorted(TASKS) == sorted(spec["tasks"]) == sorted(chain.from_iterable(spec["tables"].values()))
    runs = study.runs_of(spec)
    assert len(runs) == len(TASKS) * len(spec["kinds"])
    assert not runs.keys() & tables["runs"].keys()
    assert {run["data"] for run in runs.values()} <= tables["data"].keys()
    assert runs["layers_stock_gru"] == {
        "overrides": "model=lstm data.reverse=true layers=gru model.network.hidden_size=37",
        "data": "stock",
        "seeds": [0, 1, 2],
        "minutes": 0.3,
        "keep": ["test/mae"],
    }


def test_minutes_become_steps_at_a_rate_and_the_last_step_is_validated(study: ModuleType) -> None:
    rate = {"steps": 100, "validations": 6, "epoch": 490}
    assert study.length(rate, minutes=1, seconds=4.0) == [
        "trainer.max_epochs=-1",
        "trainer.max_steps=1500",
        "trainer.check_val_every_n_epoch=null",
        "trainer.val_check_interval=500",
    ]
    less_than_an_epoch = study.length(rate, minutes=1, seconds=40.0)
    assert less_than_an_epoch[1::2] == ["trainer.max_steps=150", "trainer.val_check_interval=150"]


def test_a_table_has_a_row_a_kind_and_the_best_mean_in_bold(study: ModuleType) -> None:
    column = {"name": "x: MAE", "key": "test/mae", "decimals": 2, "better": "lower"}
    spec = {"kinds": ["gru", "tcn", "rnn"], "tables": {"all": ["x"]}, "tasks": {"x": {"columns": [column]}}}
    record = {
        "layers_x_gru": {"0": entry(seconds=10.0, test__mae=1.0), "1": entry(seconds=20.0, test__mae=2.0)},
        "layers_x_tcn": {"0": entry(seconds=1234.0, test__mae=1.6)},
    }
    assert study.table_text(spec, record, "all").splitlines() == [
        "| layers | x: MAE; 2 seeds | its training, s |",
        "|---|---|---|",
        "| `gru` | **1.50 ± 0.71** | 15 |",
        "| `tcn` | 1.60, 1 of 2 seeds | 1,234 |",
        "| `rnn` | – | – |",
        "",
        "Runs: commit abc, 2026-01-02, CPU, 2 cores, threads: 1, torch 2.13.0.",
    ]
    assert study.table_text(spec, {}, "all").splitlines()[2:] == [
        "| `gru` | – | – |",
        "| `tcn` | – | – |",
        "| `rnn` | – | – |",
        "",
        "Nothing is recorded yet.",
    ]
