from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import seqlab
from seqlab.alerts import sources
from seqlab.alerts.models import Model, load_model
from seqlab.alerts.run import Settings, Watch
from seqlab.detection import judge as judging

MODELS: dict[str, tuple[str, ...]] = {
    "gru": (),
    "gru_full_windows": ("data.context=full_windows", "data.window_size=5"),
    "gru_ae": ("model=gru_ae",),
}


def detect(
    checkpoint: Path | Model, log: Path, output: Path, **changes: Any
) -> tuple[list[dict[str, Any]], Watch]:
    """The alerts of a whole log."""
    model = load_model(checkpoint) if isinstance(checkpoint, Path) else checkpoint
    watch = Watch(model, Settings(str(log), as_json=True, output=output, **changes))
    watch.run()
    watch.close()
    return [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()], watch


SCORES = ("nll_max", "nll_mean", "error_share", "rank", "count_distance", "count_cost", "combined")
EVERYTHING = -1.0  # a threshold below every score


@pytest.mark.parametrize("model", list(MODELS))
def test_scores_of_a_raw_log_are_those_of_its_sessions(
    model: str,
    checkpoint: Callable[..., Path],
    sample_log: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judging, "GROWING_SCORES", ())  # else an alert has the score at which it became one
    monkeypatch.setattr(sources, "CHUNK_BYTES", 150_000)
    path = checkpoint(*MODELS[model])
    trained = load_model(path)
    batch = seqlab.load(path).data.predict(sample_log.sessions).set_index("block_id")
    for score in SCORES:
        judge = replace(trained.judge, main=score, thresholds={score: EVERYTHING})
        alerts, watch = detect(replace(trained, judge=judge), sample_log.log, tmp_path / f"{score}.jsonl")
        assert len(alerts) == len(batch) == watch.watcher.totals.blocks
        found = pd.Series({alert["block"]: alert["score"] for alert in alerts})
        np.testing.assert_allclose(found[batch.index], batch[score], rtol=1e-5, atol=1e-5, err_msg=score)


@pytest.mark.parametrize("score", ["nll_max", "combined"])
def test_alerts_are_those_of_batch_scoring_wherever_chunks_end(
    score: str,
    checkpoint: Callable[..., Path],
    sample_log: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = checkpoint(score=score)
    batch = seqlab.load(path).data.predict(sample_log.sessions)
    expected = set(batch["block_id"][batch["alert"]])
    assert 3 < len(expected) < 60
    runs = []
    for size in (4 << 20, 40_000, 9001):
        monkeypatch.setattr(sources, "CHUNK_BYTES", size)
        alerts, _ = detect(path, sample_log.log, tmp_path / f"{size}.jsonl")
        assert len(alerts) == len({alert["block"] for alert in alerts})
        assert {alert["block"] for alert in alerts} == expected
        runs.append(alerts)
    for other in runs[1:]:
        for one, two in zip(
            *(sorted(run, key=lambda alert: alert["block"]) for run in (runs[0], other)), strict=True
        ):
            assert one["score"] == pytest.approx(two["score"], abs=1e-5)
            assert one["surprise"]["position"] == two["surprise"]["position"]
            assert one["lines"] == two["lines"]
    if score == "nll_max":  # in the order of the lines that decided
        places = [alert["lines"][-1]["offset"] for alert in runs[2] if alert["status"] == "open"]
        assert places == sorted(places)
        assert len(places) > 3


def test_an_alert_shows_the_lines_that_lead_to_its_event(
    checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    alerts, _ = detect(checkpoint(), sample_log.log, tmp_path / "out.jsonl")
    content = sample_log.log.read_bytes()
    of_block = {
        block: [line for line in sample_log.lines if block in line] for block in {a["block"] for a in alerts}
    }
    for alert in alerts:
        lines = of_block[alert["block"]]
        place = alert["surprise"]["position"]
        last = min(place, len(lines))
        assert [line["text"] for line in alert["lines"]] == lines[max(last - 3, 0) : last]
        for line in alert["lines"]:
            assert content[line["offset"] :].split(b"\n", 1)[0].decode() == line["text"]
        assert alert["score"] > alert["threshold"]
        assert len(alert["expected"]) == 3
        shares = [guess["probability"] for guess in alert["expected"]]
        assert shares == sorted(shares, reverse=True)
        assert alert["expected"][0]["key"] != alert["surprise"]["key"]


def test_a_silent_block_is_closed_and_later_lines_begin_another(
    checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = checkpoint(score="nll_mean", threshold=EVERYTHING)
    first = sample_log.lines[0].split()
    block = next(word for word in first if word.startswith("blk_"))
    rows = []
    for time in ("203615", "203620", "204000", "204000", "204500"):
        rows.append(" ".join([first[0], time, *first[2:]]))
        rows.append(" ".join([first[0], time, *first[2:]]).replace(block, "blk_77"))
    log = tmp_path / "log"
    log.write_text("\n".join(rows) + "\n")
    for size in (4 << 20, 300, 1):
        monkeypatch.setattr(sources, "CHUNK_BYTES", size)
        output = tmp_path / f"{size}.jsonl"
        alerts, watch = detect(path, log, output, idle=100.0)
        assert sorted(alert["events"] for alert in alerts if alert["block"] == block) == [1, 2, 2]
        assert sorted(alert["events"] for alert in alerts if alert["block"] == "blk_77") == [1, 2, 2]
        assert {alert["reason"] for alert in alerts} == {"idle", "end of log"}
        assert watch.watcher.totals.blocks == 6
    assert len(detect(path, log, tmp_path / "none.jsonl")[0]) == 2


def test_no_more_blocks_are_open_than_allowed(
    checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "CHUNK_BYTES", 20_000)
    path = checkpoint(score="nll_mean", threshold=EVERYTHING)
    alerts, watch = detect(path, sample_log.log, tmp_path / "out.jsonl", max_open=20)
    totals = watch.watcher.totals
    assert totals.closed_by_limit > 100
    assert sum(alert["reason"] == "limit" for alert in alerts) == totals.closed_by_limit
    assert sum(alert["events"] for alert in alerts) == totals.events == len(sample_log.lines)


def test_combined_says_which_counts_are_odd(
    checkpoint: Callable[..., Path], sample_log: Any, tmp_path: Path
) -> None:
    path = checkpoint(score="count_distance", threshold=EVERYTHING)
    alerts, _ = detect(path, sample_log.log, tmp_path / "out.jsonl")
    odd = [alert for alert in alerts if 0 < alert["score"] <= 3]
    assert odd
    for alert in odd:
        assert sum(abs(count["more"]) for count in alert["counts"]) == alert["score"]
    assert not any(alert["counts"] for alert in alerts if alert["score"] == 0)
