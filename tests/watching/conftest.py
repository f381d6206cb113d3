"""A raw log of simulated blocks, its parser, and small models trained on its sessions."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from seqlab.data.samples.hdfs_blocks import simulate_blocks
from seqlab.data.samples.hdfs_log import write_log
from seqlab.logs.drain_state import drain_state, new_drain
from seqlab.logs.formats import FORMATS
from seqlab.logs.line_parser import PARSER_FORMAT
from seqlab.logs.lines import LineReader
from seqlab.logs.template_ids import LearnedIds
from seqlab.training.checkpoints import read_checkpoint
from seqlab.training.checkpoint_files import write_atomically

NUM_BLOCKS, ABNORMAL_SHARE = 400, 0.06
SMALL = ("trainer.max_epochs=4", "model.network.hidden_size=16", "logger=[]", "trainer.enable_progress_bar=false")
SCORES = "detection.scores=[nll_max,nll_mean,accuracy,rank,count_distance,combined]"


@dataclass(frozen=True)
class SampleLog:
    """A log, what its lines mean, and its sessions as ``seqlab predict`` reads them."""

    log: Path
    parser: Path  # a parse.json
    normal: Path  # `blk_id,5 5 22` lines
    abnormal: Path
    sessions: Path  # all of them

    @property
    def lines(self) -> list[str]:
        return self.log.read_text(encoding="ascii").splitlines()


@pytest.fixture(scope="session")
def sample_log(tmp_path_factory: pytest.TempPathFactory) -> SampleLog:
    """400 simulated blocks, 24 of them abnormal."""
    folder = tmp_path_factory.mktemp("log")
    log, labels = folder / "hdfs.log", folder / "labels.csv"
    write_log(simulate_blocks(NUM_BLOCKS, ABNORMAL_SHARE, seed=3), log, labels)
    drain = new_drain(0.5, 4)
    found = LineReader(FORMATS["hdfs"])(pl.read_csv(log, has_header=False, separator="\x01").to_series())
    learned = LearnedIds(drain)
    ids = learned.assign(found.distinct, found.code)
    assert found.event_session is not None
    events = pl.DataFrame({"session": found.event_session, "key": ids[found.event_message].astype(str)})
    rows = events.group_by("session", maintain_order=True).agg(pl.col("key").str.join(" "))
    abnormal = set(pl.read_csv(labels).filter(pl.col("Label") == "Anomaly")["BlockId"].to_list())
    files = {name: folder / f"{name}.txt" for name in ("normal", "abnormal", "sessions")}
    for name, path in files.items():
        wanted = {"normal": False, "abnormal": True}
        chosen = [
            f"{block},{keys}\n" for block, keys in rows.iter_rows() if wanted.get(name) in (None, block in abnormal)
        ]
        path.write_text("".join(chosen), encoding="ascii")
    parser = {
        "format_version": PARSER_FORMAT,
        "log_format": FORMATS["hdfs"].state(),
        "window": None,
        "drains": [drain_state(drain)],
        "first_ids": [0],
        "templates": [{"id": number, "template": " ".join(text)} for number, text in learned.templates().items()],
    }
    path = folder / "parse.json"
    path.write_text(json.dumps({"parser": parser}), encoding="utf-8")
    return SampleLog(log, path, files["normal"], files["abnormal"], files["sessions"])


@pytest.fixture(scope="session")
def checkpoint(
    sample_log: SampleLog, call: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """Trains a model once, and gives its checkpoint with another score behind its alerts."""
    folder = tmp_path_factory.mktemp("runs")
    trained: dict[tuple[str, ...], Path] = {}

    def make(*overrides: str, score: str = "nll_max") -> Path:
        if overrides not in trained:
            files = (f"data.normal={sample_log.normal}", f"data.abnormal={sample_log.abnormal}")
            run = call(folder / f"run{len(trained)}", *SMALL, *files, SCORES, *overrides)
            assert run.code == 0, run.said
            path = run.folder / "checkpoints/best.ckpt"
            content = read_checkpoint(path)
            content["seqlab"]["data"]["parser"] = json.loads(sample_log.parser.read_text())["parser"]
            write_atomically(content, path)
            trained[overrides] = path
        path = trained[overrides]
        content = read_checkpoint(path)
        content["seqlab"]["judge"]["main_score"] = score
        other = path.with_name(f"{score}.ckpt")
        write_atomically(content, other)
        return other

    return make
