"""Fitted again: to the run's own normals the same, to others by the same rules."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, LABEL_UNKNOWN, Sessions, concatenate
from seqlab.data.session_windows import SessionWindows
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents
from seqlab.evaluation.calibrating import FEWEST_NORMALS, recalibrate
from seqlab.evaluation.detection import DetectionEvaluation
from seqlab.networks.gru_autoencoder import GRUAutoencoder
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.tasks.next_event import NextEvent
from seqlab.tasks.reconstruction import Reconstruction

UNSEEN = "with keys that training never showed"
SCORES = ["nll_max", "nll_mean", "error_share", "rank", "count_distance", "count_cost", "combined"]


def judged(data: Any) -> tuple[Any, Contents]:
    """A task with random weights and what the checkpoint of its run would carry."""
    torch.manual_seed(0)
    ids = {name: data.sizes[name] for name in ("vocab_size", "pad_id", "unk_id")}
    if "window_size" in data.state():
        task: Any = NextEvent(network=GRUPredictor(**ids), unk_id=ids["unk_id"]).eval()
    else:
        network = GRUAutoencoder(**ids, max_length=data.sizes["max_length"])
        task = Reconstruction(network=network, unk_id=ids["unk_id"]).eval()
    detector, _ = DetectionEvaluation(scores=SCORES, target_fpr=0.05).fit(task, data)
    return task, Contents({}, {}, {}, data.state(), detector.state())


@pytest.fixture(scope="module")
def run() -> tuple[SessionWindows, Any, Contents]:
    """Data, task and contents of one run for all tests, which change none of them."""
    sample = {"num_blocks": 120, "abnormal_share": 0.1, "seed": 0}
    data = SessionWindows(sample=sample, batch_size=32, window_size=4)
    data.setup()
    return data, *judged(data)


@pytest.mark.parametrize("kind", ["windows", "padded"])
def test_the_validation_normals_give_what_the_run_fitted(kind: str, request: pytest.FixtureRequest) -> None:
    data = request.getfixturevalue(kind)()
    task, contents = judged(data)
    found = recalibrate(task, contents, data.sessions("val"), 0.05)
    assert {change.score for change in found.changes} == set(SCORES)
    for change in found.changes:
        if change.score in ("combined", "count_cost"):  # the run fits them to training normals as well
            continue
        assert change.new.value == pytest.approx(change.old, rel=1e-6), change.score
        assert change.share_above_old == change.share_above_new
        was = contents.judge["thresholds"][change.score]["method"]
        assert change.new.method == was.replace("validation normals", "new normals")
    fitted, refitted = (judge["calibrations"]["nll_max"] for judge in (contents.judge, found.judge))
    np.testing.assert_allclose(refitted["values"], fitted["values"], rtol=1e-5)


def test_many_normals_give_their_own_quantile(run: Any, windows: Callable[..., Any]) -> None:
    """Some 700 sessions at a share of 0.05: the empirical quantile, which that share or less exceeds."""
    _, task, contents = run
    other = windows(sample={"num_blocks": 1100, "abnormal_share": 0.05, "seed": 7})
    normals = other.sessions("train")
    found = recalibrate(task, contents, normals, 0.05)
    (nll_max,) = [change for change in found.changes if change.score == "nll_max"]
    assert nll_max.new.method.endswith(f" of {found.num_normals} new normals lie above it")
    assert 0.03 < nll_max.share_above_new <= 0.05
    assert found.num_normals + sum(count for count, _ in found.left_out) == len(normals)
    assert torch.equal(found.judge["count_vectors"], contents.judge["count_vectors"])
    assert found.judge["main_score"] == contents.judge["main_score"]


def test_sessions_with_unseen_keys_move_no_threshold(run: Any) -> None:
    data, task, contents = run
    val = data.sessions("val")
    known = [val.keys(row) for row in range(len(val))]
    found = recalibrate(task, contents, Sessions.from_lists([*known, ["5", "new"], ["new"]]), 0.05)
    plain = recalibrate(task, contents, val, 0.05)
    unseen = [dict((what, count) for count, what in each.left_out) for each in (found, plain)]
    assert unseen[0][UNSEEN] == unseen[1].get(UNSEEN, 0) + 2
    for one, other in zip(found.changes, plain.changes, strict=True):
        if one.score != "combined":  # whose aim pays for the rule
            assert one == other
    with pytest.raises(UserError, match=r"^0 normal sessions .*; 40 are with keys that training"):
        recalibrate(task, contents, Sessions.from_lists([["new"], ["5", "newer"]] * 20), 0.05)


def test_only_sessions_labelled_normal_are_fitted_to(run: Any) -> None:
    """As in a parsed folder with the labels of its log; without any label all are taken at their word."""
    data, task, contents = run
    val = data.sessions("val").with_labels(LABEL_NORMAL)
    odd = Sessions.from_lists([["22", "22", "5"]] * 7).with_labels(LABEL_ABNORMAL)
    nameless = Sessions.from_lists([["5", "5"]] * 3)
    found = recalibrate(task, contents, concatenate([odd, val, nameless]), 0.05)
    plain = recalibrate(task, contents, val, 0.05)
    assert found.left_out == [
        (7, "labelled abnormal"),
        (3, "without a label, where others have one"),
        *plain.left_out,
    ]
    assert found.changes == plain.changes
    unlabelled = recalibrate(task, contents, val.with_labels(LABEL_UNKNOWN), 0.05)
    assert unlabelled.changes == plain.changes
    assert unlabelled.left_out == plain.left_out
    with pytest.raises(UserError, match=r"^0 normal sessions .*; 7 are labelled abnormal: give 10 or more"):
        recalibrate(task, contents, odd, 0.05)
    few = val.take(np.arange(FEWEST_NORMALS - 1))
    with pytest.raises(UserError, match=r"^9 normal sessions that thresholds can be fitted to: give 10"):
        recalibrate(task, contents, few, 0.05)


@pytest.mark.parametrize("score", ["count_cost", "combined"])
def test_normals_given_twice_are_not_known_before_they_are_judged(
    score: str, run: Any, windows: Callable[..., Any]
) -> None:
    _, task, contents = run
    normals = windows(sample={"num_blocks": 700, "abnormal_share": 0.05, "seed": 7}).sessions("train")
    once = recalibrate(task, contents, normals, 0.01)
    twice = recalibrate(task, contents._replace(judge=once.judge), normals, 0.01)
    first, second = (
        next(change for change in found.changes if change.score == score) for found in (once, twice)
    )
    assert first.new.value > 0
    assert second.new == first.new
    # each session is judged by the counts of the others, so that some are new: fitted to in-sample none were
    assert 0 < first.share_above_new < 0.03
    assert second.old == first.new.value


def test_another_log_s_normals_follow_the_first_ones_without_them(
    run: Any, windows: Callable[..., Any]
) -> None:
    _, task, contents = run
    one, other = (
        windows(sample={"num_blocks": 300, "abnormal_share": 0.05, "seed": seed}).sessions("train")
        for seed in (7, 8)
    )
    after = recalibrate(
        task, contents._replace(judge=recalibrate(task, contents, one, 0.05).judge), other, 0.05
    ).judge
    alone = recalibrate(task, contents, other, 0.05).judge
    assert after["count_costs"]["copies"] == alone["count_costs"]["copies"]
    assert after["thresholds"] == alone["thresholds"]


def test_what_cannot_be_calibrated_is_told(run: Any) -> None:
    data, task, contents = run
    with pytest.raises(UserError, match="its run ended before they were fitted"):
        recalibrate(task, contents._replace(judge={}), data.sessions("val"), 0.05)
