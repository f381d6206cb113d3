"""The published texts: learned by heart, and what is predicted is said in the terminal."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]
QUIET = "trainer.enable_progress_bar=false"


@pytest.mark.parametrize("given", ["one_hot", "embedding"])
@pytest.mark.parametrize(("experiment", "predicted"), [("hihello", "ihello"), ("charseq", "if you want you")])
def test_short_texts(call: Call, tmp_path: Path, experiment: str, predicted: str, given: str) -> None:
    run = call(tmp_path, f"experiment={experiment}", f"model.network.input={given}", QUIET)
    assert f" is read on as {predicted!r}, 100% right\n" in run.said
    assert run.metrics["test/accuracy"] == run.metrics["test/read_on_accuracy"] == 1


def test_the_long_sentence_is_read_on_from_window_to_window(call: Call, tmp_path: Path) -> None:
    run = call(tmp_path, "experiment=longseq", "seed=4", "verbose=true", QUIET)
    assert " you want to build a ship, don't drum up people" in run.said.split("predicted:")[1]
    assert run.metrics["test/read_on_accuracy"] >= 0.97  # 97 to 99 % in the original
    assert run.metrics["test/accuracy"] < 0.95  # a window's first characters cannot tell where it stands
    assert "read on" in run.said
