"""A run on log sessions of the user's own, with settings beside the presets'."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Call = Callable[..., Any]
TINY = ("trainer.max_epochs=1", "trainer.enable_progress_bar=false", "model.network.hidden_size=8")


def test_files_of_the_user_unseen_keys_and_a_deeper_network(tmp_path: Path, call: Call) -> None:
    rng = np.random.default_rng(0)
    normal = [f"blk_{row},{' '.join(['5', '22', '9'] * rng.integers(1, 4))}" for row in range(80)]
    abnormal = [f"blk_{row},5 77 22 9" for row in range(80, 85)]
    (tmp_path / "normal.txt").write_text("\n".join(normal) + "\n", encoding="utf-8")
    (tmp_path / "abnormal.txt").write_text("\n".join(abnormal) + "\n", encoding="utf-8")
    run = call(
        tmp_path / "run",
        *TINY,
        f"data.normal={tmp_path / 'normal.txt'}",
        f"data.abnormal={tmp_path / 'abnormal.txt'}",
        "trainer.precision=bf16-mixed",
        "model.network.cell=lstm",
        "logger=none",
        "scheduler=onecycle",
        "optimizer=adamw",
    )
    assert run.code == 0
    assert "Synthetic" not in run.said
    assert run.metrics["test/recall"] == 1.0
    assert run.metrics["test/nll_max/auroc"] == 1.0
    assert run.metrics["baseline/new_event/f1"] == 1.0
    alerts = run.scores[run.scores["label"] == "Anomaly"]
    assert set(alerts["surprise_key"]) == {"77"}
    assert set(alerts["surprise_position"]) == {2}
    assert set(alerts["surprise_nll"]) == {100.0}
    assert (
        "Counts, beside the nearest normal session: <code>keys unseen in training</code> 1 more" in run.report
    )
    assert not (run.folder / "metrics.csv").exists()
