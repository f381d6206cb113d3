from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from seqlab.report.run_page import profile_section
from seqlab.results.training import PartRow
from seqlab.training.profiling import CHECKPOINTS, LOGGING, PARTS, TimeProfile, part_of, read_profile

Call = Callable[..., Any]
TINY = ("trainer.max_epochs=2", "trainer.enable_progress_bar=false", "trainer.profile=true")


@pytest.mark.parametrize(
    ("action", "part"),
    [
        ("[_TrainingEpochLoop].train_dataloader_next", "data"),
        ("[Strategy]SingleDeviceStrategy.batch_to_device", "transfer"),
        ("[LightningModule]Reconstruction.on_before_batch_transfer", None),
        ("[Strategy]SingleDeviceStrategy.training_step", "forward"),
        ("[Strategy]SingleDeviceStrategy.backward", "backward"),
        ("[LightningModule]Reconstruction.on_after_backward", LOGGING),
        ("[LightningModule]Reconstruction.optimizer_step", "optimizer"),
        ("[Callback]NonFiniteStop.on_before_optimizer_step", LOGGING),
        ("[Callback]ModelCheckpoint{'monitor': None}.on_train_epoch_end", CHECKPOINTS),
        ("save_checkpoint", CHECKPOINTS),
        ("run_training_epoch", None),
    ],
)
def test_actions_of_lightning_belong_to_parts(action: str, part: str | None) -> None:
    assert part_of(action) == part


def test_time_counts_for_the_innermost_part_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 3.0, 6.0, 10.0, 15.0, 21.0, 28.0, 36.0, 45.0, 55.0, 66.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    profile = TimeProfile()
    profile.setup("fit")
    with profile.profile("[LightningModule]T.optimizer_step"):  # rest until 1
        with profile.profile("[Strategy]S.backward"):  # optimizer until 3
            pass  # backward until 6
        with profile.profile("run_closure"):  # optimizer until 10
            pass  # optimizer until 15, as it is within
    # optimizer until 21
    with profile.profile("[Strategy]S.on_validation_start"):  # rest until 28
        pass  # validation until 36
    with profile.profile("save_checkpoint"):  # validation until 45
        pass  # checkpoints until 55
    profile.describe()  # validation until 66, as nothing ended it
    expected = {
        "rest": 1.0 + 7.0,
        "optimizer": 2.0 + 4.0 + 5.0 + 6.0,
        "backward": 3.0,
        "validation": 8.0 + 9.0 + 11.0,
        "checkpoints": 10.0,
    }
    assert profile.seconds == dict.fromkeys(PARTS, 0.0) | expected
    assert sum(row.share for row in profile.rows()) == pytest.approx(1.0)


def test_a_profiled_run_says_where_all_of_its_time_went(tmp_path: Path, call: Call) -> None:
    run = call(tmp_path, "model=gru_ae", "data.sample.num_blocks=120", "data.batch_size=16", *TINY)
    assert run.code == 0
    table = pd.read_csv(tmp_path / "profile.csv").set_index("part")
    assert list(table.index) == list(PARTS)
    assert table["share"].sum() == pytest.approx(1.0)
    assert (table["seconds"] > 0).all()
    # from Lightning's first word to its last: what lies between the first and the last hook, and little more
    assert table["seconds"].sum() >= run.metrics["timing/fit_seconds"]
    batches = 2 * 6  # 81 of 116 normal sessions are trained on, 16 at a time
    assert table["ms_per_batch"].sum() == pytest.approx(1000 * table["seconds"].sum() / batches)
    assert "\ntime: " in run.said
    assert "Where the time went" in run.report
    assert "logging and callbacks" in run.report


def test_other_kinds_of_reports_have_the_table_too(tmp_path: Path, call: Call) -> None:
    run = call(tmp_path, "model=char_rnn", "model.network.hidden_size=8", *TINY)
    assert run.code == 0
    assert "Where the time went" in run.report


def test_without_a_profile_there_is_no_section(tmp_path: Path) -> None:
    assert read_profile(tmp_path) == []
    assert profile_section([]) == []


def test_the_table_ends_with_the_whole() -> None:
    rows = [PartRow("forward", 3.0, 0.75, 30.0), PartRow("backward", 1.0, 0.25, 10.0)]
    (section,) = profile_section(rows)
    last = str(section.body).rsplit("<tr", maxsplit=1)[1]
    for text in ("all of training", "<td>4</td>", "<td>100</td>", "<td>40</td>"):
        assert text in last
