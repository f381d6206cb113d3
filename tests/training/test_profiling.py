from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from seqlab.training.profiling import PartRow, part_rows, profile_section

Call = Callable[..., Any]
TINY = ("trainer.max_epochs=2", "trainer.enable_progress_bar=false", "trainer.profile=true")


def test_parts_add_up_to_all_of_training() -> None:
    durations = {
        "run_training_epoch": [19.0],  # holds the others
        "[_TrainingEpochLoop].train_dataloader_next": [0.5, 0.5],
        "[Strategy]S.batch_to_device": [0.25, 0.25],
        "[LightningModule]T.optimizer_step": [6.0, 5.0],  # 5 and 4 of which are the next two
        "[Strategy]S.training_step": [2.0, 1.0],
        "[Strategy]S.backward": [3.0, 3.0],
        "[Callback]C.on_before_optimizer_step": [0.125],  # a part of the optimizer's step
        "[_EvaluationLoop].val_next": [1.0],
        "[Strategy]S.validation_step": [2.0],
        "save_checkpoint": [1.5],
    }
    rows = part_rows(durations, 20.0)
    assert {row.part: row.seconds for row in rows} == {
        "data": 1.0,
        "transfer": 0.5,
        "forward": 3.0,
        "backward": 6.0,
        "optimizer": 2.0,
        "validation": 3.0,
        "checkpoints": 1.5,
        "rest": 3.0,
    }
    assert sum(row.share for row in rows) == 1.0
    assert [row.ms_per_batch for row in rows[:2]] == [500.0, 250.0]


def test_a_profiled_run_says_where_all_of_its_time_went(tmp_path: Path, call: Call) -> None:
    run = call(tmp_path, "model=gru_ae", "data.sample.num_blocks=120", "data.batch_size=16", *TINY)
    assert run.code == 0
    table = pd.read_csv(tmp_path / "profile.csv").set_index("part")
    assert list(table.index) == [row.part for row in part_rows({}, 1.0)]
    assert table["share"].sum() == pytest.approx(1.0)
    assert (table["seconds"] > 0).all()
    # from Lightning's first word to its last: what lies between the first and the last hook, and little more
    assert table["seconds"].sum() >= run.metrics["timing/fit_seconds"]
    batches = 2 * 6  # 81 of 116 normal sessions are trained on, 16 at a time
    assert table["ms_per_batch"].sum() == pytest.approx(1000 * table["seconds"].sum() / batches)
    assert "\ntime: " in run.said
    assert "Where the time went" in run.report


def test_other_kinds_of_reports_have_the_table_too(tmp_path: Path, call: Call) -> None:
    run = call(tmp_path, "model=char_rnn", "model.network.hidden_size=8", *TINY)
    assert run.code == 0
    assert "Where the time went" in run.report


def test_the_table_ends_with_the_whole() -> None:
    rows = [PartRow("forward", 3.0, 0.75, 30.0), PartRow("backward", 1.0, 0.25, 10.0)]
    last = str(profile_section(rows).body).rsplit("<tr", maxsplit=1)[1]
    for text in ("all of training", "<td>4</td>", "<td>100</td>", "<td>40</td>"):
        assert text in last
