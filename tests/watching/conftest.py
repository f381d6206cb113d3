"""A raw log of simulated blocks, parsed, and small models trained on its sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seqlab.cli import main
from seqlab.data.parsed_sessions import read_parsed_sessions
from seqlab.data.samples.hdfs_blocks import simulate_blocks
from seqlab.data.samples.hdfs_log import write_log
from seqlab.training.checkpoint_files import write_atomically
from seqlab.training.checkpoints import read_checkpoint

NUM_BLOCKS, ABNORMAL_SHARE = 400, 0.06
SMALL = (
    "trainer.max_epochs=4",
    "model.network.hidden_size=16",
    "logger=[]",
    "trainer.enable_progress_bar=false",
)
SCORES = "detection.scores=[nll_max,nll_mean,accuracy,rank,count_distance,combined]"


@dataclass(frozen=True)
class SampleLog:
    """A log and what ``seqlab parse`` made of it."""

    log: Path
    parsed: Path  # the folder
    sessions: Path  # the same sessions as a file of `blk_id,5 5 22` lines

    @property
    def lines(self) -> list[str]:
        return self.log.read_text(encoding="ascii").splitlines()


@pytest.fixture(scope="session")
def sample_log(tmp_path_factory: pytest.TempPathFactory) -> SampleLog:
    """400 simulated blocks, 24 of them abnormal, in 8,216 lines."""
    folder = tmp_path_factory.mktemp("log")
    log, labels, parsed = folder / "hdfs.log", folder / "labels.csv", folder / "parsed"
    write_log(simulate_blocks(NUM_BLOCKS, ABNORMAL_SHARE, seed=3), log, labels)
    assert main(["parse", str(log), "--output", str(parsed), "--labels", str(labels)]) == 0
    sessions = read_parsed_sessions(parsed).sessions
    rows = [
        f"{block},{' '.join(sessions.keys(place))}\n" for place, block in enumerate(sessions.ids.tolist())
    ]
    path = folder / "sessions.txt"
    path.write_text("".join(rows), encoding="ascii")
    return SampleLog(log, parsed, path)


@pytest.fixture(scope="session")
def checkpoint(
    sample_log: SampleLog, call: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Trains a model once, and gives its checkpoint with another score behind its alerts."""
    folder = tmp_path_factory.mktemp("runs")
    trained: dict[tuple[str, ...], Path] = {}

    def make(*overrides: str, score: str = "nll_max", threshold: float | None = None) -> Path:
        if overrides not in trained:
            data = (
                ()
                if any(word.startswith("data.normal") for word in overrides)
                else (f"data.sessions={sample_log.parsed}",)
            )
            run = call(folder / f"run{len(trained)}", *SMALL, *data, SCORES, *overrides)
            assert run.code == 0, run.said
            trained[overrides] = run.folder / "checkpoints/best.ckpt"
        path = trained[overrides]
        content = read_checkpoint(path)
        judge = content["seqlab"]["judge"]
        judge["main_score"] = score
        if threshold is not None:
            judge["thresholds"][score]["value"] = threshold
        other = path.with_name(f"{score}_{threshold}.ckpt")
        write_atomically(content, other)
        return other

    return make
