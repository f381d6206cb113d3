"""A watch that is broken off and begun again at its state goes on as if nothing had happened."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.alerts import sources
from seqlab.alerts.models import load_model
from seqlab.alerts.run import Settings, Watch
from seqlab.cli import main


def watch(checkpoint: Path, log: Path, folder: Path, *, follow: bool, close: bool = False) -> Watch:
    files = {"output": folder / "out.jsonl", "state": folder / "state"}
    model = load_model(checkpoint)
    return Watch(model, Settings(str(log), follow, as_json=True, idle=100_000.0, close=close, **files))


def comparable(alert: dict[str, Any]) -> str:
    """An alert without its file's name; other blocks in the batch change a probability's last digits."""
    for line in alert["lines"]:
        line["file"] = ""
    return json.dumps(json.loads(json.dumps(alert), parse_float=lambda text: f"{float(text):.4g}"))


@pytest.mark.parametrize("score", ["nll_max", "combined"])
def test_open_blocks_survive_and_alerts_given_again_have_the_same_id(
    score: str,
    checkpoint: Callable[..., Path],
    sample_log: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sources, "CHUNK_BYTES", 60_000)
    path = checkpoint(score=score, threshold=3.3 if score == "nll_max" else None)
    (tmp_path / "whole").mkdir()
    whole = watch(path, sample_log.log, tmp_path / "whole", follow=False, close=True)
    whole.run()
    whole.close()
    expected = [json.loads(line) for line in (tmp_path / "whole/out.jsonl").read_text().splitlines()]

    parts = tmp_path / "parts"
    parts.mkdir()
    log = tmp_path / "hdfs.log"
    content = sample_log.log.read_bytes()
    for end in range(100_000, len(content) + 200_000, 200_000):
        log.write_bytes(content[:end])
        part = watch(path, log, parts, follow=True)
        part.step()
        part._save()
        part.step()  # told after the state: told again by the next one
        part.close()
    last = watch(path, log, parts, follow=False, close=True)
    assert len(last.watcher.open) > 100
    last.run()
    last.close()
    found = [json.loads(line) for line in (parts / "out.jsonl").read_text().splitlines()]
    once = {alert["id"]: alert for alert in found}
    assert len(once) == len(expected) > 5
    assert sorted(map(comparable, once.values())) == sorted(map(comparable, expected))
    if score == "nll_max":
        assert len(found) > len(once)
    assert vars(last.watcher.totals) == vars(whole.watcher.totals)


def test_a_state_is_for_one_watch_at_a_time(
    start: Callable[..., Any],
    export: Callable[..., Path],
    sample_log: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    state, exported = tmp_path / "state", export()
    process = start("detect", "--onnx", exported, sample_log.log, "--follow", "--state", state)
    process.wait_until(state.exists)
    arguments = ["detect", "--onnx", str(exported), str(sample_log.log), "--state", str(state)]
    assert main(arguments) == 2
    assert "another seqlab detect uses it" in capsys.readouterr().err
    assert process.end(signal.SIGKILL) == -signal.SIGKILL
    assert main(arguments) == 0
