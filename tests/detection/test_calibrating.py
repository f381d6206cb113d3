"""Fitted again: to the run's own normals the same, to others by the same rules."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqlab.data.sequences import Sessions
from seqlab.detection.calibrating import recalibrate
from seqlab.detection.evaluation import DetectionEvaluation
from seqlab.errors import UserError
from seqlab.networks.gru_autoencoder import GRUAutoencoder
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.tasks.next_event import NextEvent
from seqlab.tasks.reconstruction import Reconstruction

SCORES = ["nll_max", "nll_mean", "accuracy", "rank", "count_distance", "combined"]


def judged(data: Any) -> tuple[Any, dict[str, Any]]:
    """A task with random weights and what the checkpoint of its run would carry."""
    torch.manual_seed(0)
    ids = {name: data.sizes[name] for name in ("vocab_size", "pad_id", "unk_id")}
    if "window_size" in data.state():
        task: Any = NextEvent(network=GRUPredictor(**ids), unk_id=ids["unk_id"]).eval()
    else:
        network = GRUAutoencoder(**ids, max_length=data.sizes["max_length"])
        task = Reconstruction(network=network, unk_id=ids["unk_id"]).eval()
    detector, _ = DetectionEvaluation(scores=SCORES, target_fpr=0.05).fit(task, data)
    return task, {"data": data.state(), "judge": detector.state()}


@pytest.mark.parametrize("kind", ["windows", "padded"])
def test_the_validation_normals_give_what_the_run_fitted(kind: str, request: pytest.FixtureRequest) -> None:
    data = request.getfixturevalue(kind)()
    task, baggage = judged(data)
    found = recalibrate(task, baggage, data.sessions("val"), 0.05)
    assert {change.score for change in found.changes} == set(SCORES)
    for change in found.changes:
        if change.score == "combined":  # a run may fit it to training normals as well, which are not at hand
            continue
        assert change.new.value == pytest.approx(change.old, rel=1e-6), change.score
        assert change.share_above_old == change.share_above_new
        was = baggage["judge"]["thresholds"][change.score]["method"]
        assert change.new.method == was.replace("validation normals", "new normals")
    fitted, refitted = (judge["calibrations"]["nll_max"] for judge in (baggage["judge"], found.judge))
    np.testing.assert_allclose(refitted["values"], fitted["values"], rtol=1e-5)


def test_many_normals_give_their_own_quantile(windows: Callable[..., Any]) -> None:
    """Some 700 sessions at a share of 0.05: the empirical quantile, which that share or less exceeds."""
    task, baggage = judged(windows())
    other = windows(sample={"num_blocks": 1100, "abnormal_share": 0.05, "seed": 7})
    normals = other.sessions("train")
    found = recalibrate(task, baggage, normals, 0.05)
    (nll_max,) = [change for change in found.changes if change.score == "nll_max"]
    assert nll_max.new.method == f"empirical quantile of {len(normals) - found.num_unseen} new normals"
    above = nll_max.share_above_new * len(normals) - found.num_unseen
    assert 0.03 < above / (len(normals) - found.num_unseen) <= 0.05
    assert found.num_sessions == len(normals)
    assert torch.equal(found.judge["count_vectors"], baggage["judge"]["count_vectors"])
    assert found.judge["main_score"] == baggage["judge"]["main_score"]


def test_sessions_with_unseen_keys_move_no_threshold(windows: Callable[..., Any]) -> None:
    data = windows()
    task, baggage = judged(data)
    val = data.sessions("val")
    known = [val.keys(row) for row in range(len(val))]
    found = recalibrate(task, baggage, Sessions.from_lists([*known, ["5", "new"], ["new"]]), 0.05)
    plain = recalibrate(task, baggage, val, 0.05)
    assert found.num_unseen == plain.num_unseen + 2
    assert [change.new.value for change in found.changes] == [change.new.value for change in plain.changes]
    (nll_max,) = [change for change in found.changes if change.score == "nll_max"]
    assert nll_max.share_above_new >= 2 / len(val)
    with pytest.raises(UserError, match="every session holds a key that training never showed"):
        recalibrate(task, baggage, Sessions.from_lists([["new"], ["5", "newer"]]), 0.05)


def test_what_cannot_be_calibrated_is_told(windows: Callable[..., Any]) -> None:
    data = windows()
    task, baggage = judged(data)
    with pytest.raises(UserError, match="its run ended before they were fitted"):
        recalibrate(task, baggage | {"judge": {}}, data.sessions("val"), 0.05)
    with pytest.raises(
        UserError, match=r"judges no log sessions: calibrate takes model=gru and model=gru_ae"
    ):
        recalibrate(task, {"data": {}, "judge": {}}, data.sessions("val"), 0.05)
