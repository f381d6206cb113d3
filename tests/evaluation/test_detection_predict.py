from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqlab.data.session_windows import SessionWindows
from seqlab.detection.judge import Detector
from seqlab.detection.surprise import surprise
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents
from seqlab.evaluation.detection import DetectionEvaluation, encoded
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.tasks.next_event import NextEvent


@pytest.fixture
def scored(windows: Callable[..., SessionWindows], tmp_path: Path) -> tuple[NextEvent, SessionWindows, Path]:
    """An untrained network, its data, and the validation sessions as a file."""
    datamodule = windows()
    torch.manual_seed(0)
    sizes = {name: datamodule.sizes[name] for name in ("vocab_size", "pad_id", "unk_id")}
    task = NextEvent(
        network=GRUPredictor(**sizes, embedding_size=4, hidden_size=4), unk_id=datamodule.vocabulary.unk
    )
    sessions = datamodule.sessions("val")
    rows = [f"{name},{' '.join(sessions.keys(row))}" for row, name in enumerate(sessions.ids.tolist())]
    path = tmp_path / "blocks.txt"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return task, datamodule, path


def contents(datamodule: SessionWindows, judge: dict[str, Any]) -> Contents:
    return Contents({}, {}, {}, datamodule.state(), judge)


def test_the_detector_of_a_checkpoint_scores_as_it_did_in_its_run(scored: Any) -> None:
    task, datamodule, path = scored
    evaluation = DetectionEvaluation(scores=["combined", "nll_max", "count_cost"])
    detector: Detector = evaluation.fit(task, datamodule)[0]
    events = surprise(task, datamodule.scoring_plan("val"), datamodule.vocabulary)
    counts = encoded(datamodule, "val").counts(len(datamodule.vocabulary))
    expected = detector.fitted.scores(evaluation.scores, events, counts)
    found = evaluation.predict(task, contents(datamodule, detector.state()), path)
    assert list(found.columns) == ["block_id", "alert", "combined", "threshold", "nll_max", "count_cost"]
    for name in evaluation.scores:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6)
    alerts = expected["combined"] > detector.thresholds["combined"].value
    assert found["alert"].tolist() == alerts.tolist()


def test_a_checkpoint_without_thresholds_says_why(scored: Any) -> None:
    task, datamodule, path = scored
    with pytest.raises(UserError, match="its run ended before they were fitted"):
        DetectionEvaluation().predict(task, contents(datamodule, {}), path)
