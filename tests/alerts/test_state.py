"""A state belongs to one watch at a time."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.cli import main


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
