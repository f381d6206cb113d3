"""What a detection run says beside its figures: next steps, curves, figures of other sessions."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, LABEL_UNKNOWN
from seqlab.evaluation.detection_report import DetectionOutcome
from seqlab.evaluation.detection_sections import other_thresholds, scores_section, threshold_section
from seqlab.results.outcome import Outcome

Judged = Callable[..., DetectionOutcome]


def test_the_first_screen_counts_sessions_of_the_model_and_of_the_best_baseline(
    detection_outcome: Judged,
) -> None:
    found = detection_outcome()
    alert, abnormal = found.scores["combined"] > found.threshold, found.sessions.labels == LABEL_ABNORMAL
    said = dict(found.in_words())
    assert said["found"] == f"{sum(alert & abnormal)} of {sum(abnormal)} abnormal test sessions"
    share = sum(alert & ~abnormal) / sum(~abnormal)
    assert said["false alarms"] == (
        f"{sum(alert & ~abnormal)} of {sum(~abnormal)} normal test sessions ({share:.2%})"
    )
    f1 = {name: found.metrics[f"baseline/{name}/f1"] for name in found.baseline_scores}
    best = max(f1, key=lambda name: f1[name])
    raised = found.baseline_scores[best] > found.detector.trivial.thresholds[best]
    assert said["baseline"].startswith(
        f"{best}, the best without a network, finds {sum(raised & abnormal)}, with {sum(raised & ~abnormal)} "
        f"false alarms; F1 {f1[best]:.3f}, the model's {found.metrics['test/f1']:.3f}"
    )
    assert found.metrics["test/f1"] < f1[best]  # an untrained network: bad news is told
    assert said["baseline"].endswith("; it beats the model")


def test_the_first_screen_without_labels_counts_alerts_alone(detection_outcome: Judged) -> None:
    ((what, said),) = detection_outcome(LABEL_UNKNOWN).in_words()
    assert what == "alerts"
    assert said.endswith("; none has a label, so nobody knows how many are right")
    ((what, said),) = detection_outcome(LABEL_NORMAL).in_words()
    assert what == "false alarms"
    assert said.endswith("; no other label, so nothing says what would be found")


def test_measured_runs_go_on_with_new_sessions(detection_outcome: Judged) -> None:
    found = detection_outcome()
    assert found.next_steps("best.ckpt") == ["predict best.ckpt NEW --output alerts.csv"]
    assert replace(found, parsed="a parse").next_steps("best.ckpt") == ["detect best.ckpt NEW.log"]


def test_next_steps_can_be_typed_as_they_stand(detection_outcome: Judged) -> None:
    found = detection_outcome(LABEL_UNKNOWN)
    worst = found.sessions.ids[np.argmax(found.scores["combined"])]
    assert replace(found, parsed="a parse").next_steps("best.ckpt") == [
        "detect best.ckpt NEW.log",
        f"explain best.ckpt {worst} --sessions 'a parse'",
    ]
    assert found.next_steps("best.ckpt") == [
        "predict best.ckpt NEW --output alerts.csv",
        f"explain best.ckpt {worst} --sessions FILE",
    ]
    ids = np.array([f"user {row}" for row in range(len(found.sessions))])
    named = replace(found, sessions=replace(found.sessions, ids=ids))
    assert " 'user " in named.next_steps("best.ckpt")[1]


def test_every_score_shows_its_threshold(detection_outcome: Judged) -> None:
    found = detection_outcome()
    body = scores_section(found).body
    for name in ("combined", "nll_max"):
        assert f">threshold {found.detector.thresholds[name].value:.4g}</text>" in body
    assert "ROC curves" in threshold_section(found, {}).body


def test_unlabeled_data_gives_no_curves_and_says_why(detection_outcome: Judged) -> None:
    found = detection_outcome(LABEL_UNKNOWN)
    body = threshold_section(found, {}).body
    assert "it takes known normal and abnormal sessions; there are no labels." in body
    assert f"unlabeled ({len(found.sessions)})" in scores_section(found).body


def test_the_four_counts_and_the_missed_sessions_are_told(detection_outcome: Judged) -> None:
    found = detection_outcome()
    abnormal, normal, alerts = found.abnormal, found.normal, found.alerts
    body = threshold_section(found, {}).body
    for name, count in (
        ("found", (abnormal & alerts).sum()),
        ("missed", (abnormal & ~alerts).sum()),
        ("false", (normal & alerts).sum()),
        ("right", (normal & ~alerts).sum()),
    ):
        assert f'<b data-count="{name}">{count:,}</b>' in body
    missed = found.sessions.ids[abnormal & ~alerts]
    assert f"Missed sessions ({len(missed)})" in body if len(missed) else "Missed sessions:</b> none" in body
    assert all(str(name) in body for name in missed[:50])
    assert "this run&#39;s threshold" in body


def test_other_thresholds_count_what_lies_above_them() -> None:
    scores = np.array([1.0, 2.0, 3.0, 4.0, np.inf])
    abnormal = np.array([False, False, True, False, True])
    found = json.loads(other_thresholds(scores, abnormal, ~abnormal, 2.5))
    assert found["values"] == [1.0, 2.0, 2.5, 3.0, 4.0]
    assert found["found"] == [2, 2, 2, 1, 1]
    assert found["wrong"] == [2, 1, 1, 1, 0]
    assert (found["abnormal"], found["normal"], found["chosen"]) == (2, 3, 2)
    assert other_thresholds(scores, abnormal, ~abnormal, np.inf) == ""


def test_one_class_alone_gives_no_curves(detection_outcome: Judged) -> None:
    body = threshold_section(detection_outcome(LABEL_NORMAL), {}).body
    assert "there are no labels of both kinds." in body


@pytest.mark.parametrize("label", [None, LABEL_NORMAL, LABEL_UNKNOWN])
def test_figures_of_other_sessions_are_those_of_repeated_ones(
    detection_outcome: Judged, resampled_keys: Callable[[Outcome], None], label: int | None
) -> None:
    found = replace(detection_outcome(label), prevalence=0.02)
    found.measure()
    resampled_keys(found)
    weights = np.random.default_rng(0).integers(0, 3, (3, found.num_items))
    drawn = found.resampled(weights)
    for row, times in enumerate(weights):
        rows = np.repeat(np.arange(found.num_items), times)
        other = replace(
            found,
            sessions=found.sessions.take(rows),
            events=found.events.take(rows),
            scores={name: scores[rows] for name, scores in found.scores.items()},
            baseline_scores={},
            seen=found.seen[rows],
            metrics={},
            curves={},
        )
        other.measure()
        for name, values in drawn.items():
            assert values[row] == pytest.approx(other.metrics[name], abs=1e-9), name


def test_a_figure_rests_on_the_sessions_it_counts(detection_outcome: Judged) -> None:
    found = detection_outcome()
    abnormal = int(found.abnormal.sum())
    assert 0 < abnormal < found.normal.sum()
    support = found.support()
    assert support["test/combined/recall"] == support["test/f1"] == support["test/auroc"] == abnormal
    assert support["test/false_positive_rate"] == found.normal.sum()
    assert support["test/unseen/false_positive_rate"] == (found.normal & ~found.seen).sum()
    assert "test/threshold" not in support
    assert "test/recall" not in detection_outcome(LABEL_NORMAL).support()
