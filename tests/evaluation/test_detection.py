import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from seqlab.data.log_sessions import LogSessions
from seqlab.data.module import TestSetLockedError
from seqlab.data.padded_sessions import PaddedSessions
from seqlab.data.sequences import LABEL_UNKNOWN
from seqlab.data.session_windows import SessionWindows
from seqlab.detection.baselines import BASELINES
from seqlab.detection.metrics import detection_metrics, seen_figures
from seqlab.errors import UserError
from seqlab.evaluation.audit import LeakAudit
from seqlab.evaluation.base import NothingFitted
from seqlab.evaluation.detection import DetectionEvaluation, DetectionOutcome
from seqlab.networks.gru_autoencoder import GRUAutoencoder
from seqlab.networks.gru_predictor import GRUPredictor
from seqlab.tasks.base import SequenceTask
from seqlab.tasks.next_event import NextEvent
from seqlab.tasks.reconstruction import Reconstruction

SCORES = (
    "nll_max",
    "nll_mean",
    "reconstruction",
    "error_share",
    "rank",
    "count_distance",
    "count_cost",
    "combined",
)
FIGURES = {"auroc", "average_precision", "precision", "recall", "f1", "false_positive_rate", "threshold"}


def task_for(datamodule: LogSessions) -> SequenceTask:
    torch.manual_seed(0)
    sizes, small = datamodule.sizes, {"embedding_size": 4, "hidden_size": 4, "num_layers": 1}
    if isinstance(datamodule, PaddedSessions):
        return Reconstruction(network=GRUAutoencoder(**sizes, **small), unk_id=sizes["unk_id"])
    sizes.pop("max_length")
    return NextEvent(network=GRUPredictor(**sizes, **small), unk_id=sizes["unk_id"])


def judged(
    datamodule: LogSessions, **settings: object
) -> tuple[DetectionEvaluation, dict[str, float], DetectionOutcome]:
    evaluation = DetectionEvaluation(**{"scores": SCORES} | settings)
    task = task_for(datamodule)
    detector, figures = evaluation.fit(task, datamodule)
    datamodule.open_test()
    return evaluation, figures, evaluation.test(task, datamodule, detector)


@pytest.fixture(params=["windows", "padded"])
def datamodule(request: pytest.FixtureRequest) -> LogSessions:
    """Both kinds of log data, set up."""
    return request.getfixturevalue(request.param)()


@pytest.fixture(scope="module", params=["windows", "padded"])
def run(request: pytest.FixtureRequest) -> tuple[dict[str, float], DetectionOutcome]:
    """Validation figures and outcome of both kinds, for tests that change nothing."""
    return judged(request.getfixturevalue(request.param)())[1:]


def test_every_key_is_there_and_finite(run: tuple[dict[str, float], DetectionOutcome]) -> None:
    figures, outcome = run
    expected = {"test/loss", "test/accuracy", "test/threshold", "oracle/f1", "test/seen_share"}
    expected |= {"test/unseen/auroc", "test/unseen/false_positive_rate"}
    expected |= {f"oracle/{name}/f1" for name in SCORES} | {f"test/{figure}" for figure in FIGURES}
    expected |= {f"test/{name}/{figure}" for name in SCORES for figure in FIGURES}
    expected |= {f"baseline/{name}/{figure}" for name in BASELINES for figure in FIGURES}
    assert set(outcome.metrics) == expected
    assert set(figures) == {"val/loss", "val/accuracy", "val/unseen_key_share"}
    for value in (outcome.metrics | figures).values():
        assert isinstance(value, float)
        assert math.isfinite(value)
    assert outcome.main_score == "combined"
    assert outcome.alerts.tolist() == (outcome.scores["combined"] > outcome.threshold).tolist()


def test_the_best_f1_stands_under_oracle_alone(run: tuple[dict[str, float], DetectionOutcome]) -> None:
    _, outcome = run
    abnormal = outcome.sessions.labels == 1
    for name in SCORES:
        best = max(
            detection_metrics(outcome.scores[name], abnormal, threshold, None)[0]["f1"]
            for threshold in [-1.0, *np.unique(outcome.scores[name])]
        )
        assert outcome.metrics[f"oracle/{name}/f1"] == pytest.approx(best)
        assert outcome.metrics[f"test/{name}/f1"] <= best + 1e-9
    assert outcome.metrics["oracle/f1"] == outcome.metrics["oracle/combined/f1"]
    assert all(key.endswith("/f1") for key in outcome.metrics if key.startswith("oracle"))


def test_the_main_score_is_repeated_without_its_name(datamodule: LogSessions) -> None:
    _, _, outcome = judged(datamodule, score="nll_max")
    for figure in FIGURES:
        assert outcome.metrics[f"test/{figure}"] == outcome.metrics[f"test/nll_max/{figure}"]
    assert outcome.threshold == outcome.detector.thresholds["nll_max"].value


def test_a_prevalence_adds_figures_at_it(datamodule: LogSessions) -> None:
    _, _, outcome = judged(datamodule, prevalence=0.02)
    found = outcome.metrics
    for name in (*(f"test/{score}" for score in SCORES), *(f"baseline/{rule}" for rule in BASELINES)):
        recall, rate = found[f"{name}/recall"], found[f"{name}/false_positive_rate"]
        alerts = 0.02 * recall + 0.98 * rate
        expected = 0.02 * recall / alerts if alerts else 0.0
        assert found[f"{name}/precision_at_prevalence"] == pytest.approx(expected)
    table = outcome.result_table()
    assert "F1 @2.00%" in table.columns
    assert "best F1 of any threshold at 2.00% abnormal, found with the test labels" in dict(table.notes)


def test_the_best_f1_says_the_share_that_it_is_at(run: tuple[dict[str, float], DetectionOutcome]) -> None:
    _, outcome = run
    abnormal = int((outcome.sessions.labels == 1).sum())
    share = abnormal / len(outcome.sessions)
    assert f"best F1 of any threshold at {share:.2%} abnormal, found with the test labels" in dict(
        outcome.result_table().notes
    )


def test_validation_figures_are_means_over_events(windows: Callable[..., SessionWindows]) -> None:
    datamodule = windows()
    task = task_for(datamodule)
    _, figures = DetectionEvaluation().fit(task, datamodule)
    with torch.inference_mode():
        losses = [task.losses(batch) for batch in datamodule.val_dataloader()]
    units = sum(part.num_units.item() for part in losses)
    assert figures["val/loss"] == pytest.approx(sum(part.nll.item() for part in losses) / units, abs=1e-5)
    assert figures["val/accuracy"] == pytest.approx(sum(part.correct.item() for part in losses) / units)


def test_fitting_reads_no_test_session(windows: Callable[..., SessionWindows]) -> None:
    """Other test sessions, or none, leave thresholds, calibrations and validation figures as they are."""
    found = []
    for change in (lambda sessions: sessions, lambda sessions: sessions.take(np.array([3]))):
        datamodule = windows()
        datamodule._splits["test"] = change(datamodule._splits["test"])
        detector, figures = DetectionEvaluation(scores=SCORES).fit(task_for(datamodule), datamodule)
        costs = detector.state()["count_costs"]
        counts = {name: value for name, value in costs.items() if name != "vectors"}
        found.append((detector.thresholds, detector.state()["calibrations"], counts, figures))
    assert found[0] == found[1]


def test_the_test_set_is_locked_until_it_is_opened_and_nothing_is_fitted_after(
    datamodule: LogSessions,
) -> None:
    evaluation, task = DetectionEvaluation(), task_for(datamodule)
    detector, _ = evaluation.fit(task, datamodule)
    with pytest.raises(TestSetLockedError, match="the test set is locked"):
        evaluation.test(task, datamodule, detector)
    with pytest.raises(TestSetLockedError):
        datamodule.test_dataloader()
    datamodule.open_test()
    assert len(evaluation.test(task, datamodule, detector).alerts) == len(datamodule.sessions("test"))
    with pytest.raises(TestSetLockedError, match="decide before"):
        evaluation.fit(task, datamodule)
    with pytest.raises(TestSetLockedError, match="decide before"):
        datamodule.train_dataloader()


def test_test_labels_change_figures_but_no_score(windows: Callable[..., SessionWindows]) -> None:
    one, other = windows(), windows()
    splits = other._splits
    splits["test"] = replace(splits["test"], labels=1 - splits["test"].labels)
    (_, _, first), (_, _, second) = judged(one), judged(other)
    assert first.detector.thresholds == second.detector.thresholds
    for name in SCORES:
        assert np.array_equal(first.scores[name], second.scores[name])
        assert first.metrics[f"test/{name}/auroc"] == pytest.approx(
            1 - second.metrics[f"test/{name}/auroc"], abs=1e-6
        )


@pytest.mark.parametrize("label", [LABEL_UNKNOWN, 0])
def test_without_labels_of_both_kinds_sessions_are_scored_and_nothing_is_measured(
    windows: Callable[..., SessionWindows], label: int, tmp_path: object
) -> None:
    datamodule = windows()
    datamodule._splits["test"] = datamodule._splits["test"].with_labels(label)
    _, _, outcome = judged(datamodule)
    expected = {"test/loss", "test/accuracy", "test/threshold", "test/seen_share"}
    expected |= set() if label == LABEL_UNKNOWN else {"test/unseen/false_positive_rate"}
    assert set(outcome.metrics) == expected
    assert outcome.curves == {}
    table = outcome.result_table()
    assert table.columns == ("threshold", "share above it")
    assert [name for name, _ in table.model_rows] == list(outcome.scores)
    main = dict(table.model_rows)[outcome.main_score]
    assert main == [outcome.threshold, pytest.approx(outcome.alerts.mean())]
    assert [name for name, _ in table.baseline_rows] == list(BASELINES)
    assert all(0 <= row[1] <= 1 for _, row in table.baseline_rows)
    why = "no test session has a label" if label == LABEL_UNKNOWN else "the labels do not name both kinds"
    assert why in dict(table.notes)["detection"]
    outcome.write_scores(tmp_path / "scores.csv")
    written = pd.read_csv(tmp_path / "scores.csv")
    assert len(written) == len(outcome.sessions)
    assert written["label"].isna().all() if label == LABEL_UNKNOWN else (written["label"] == "Normal").all()


def test_scores_csv_holds_what_was_found(
    run: tuple[dict[str, float], DetectionOutcome], tmp_path: Path
) -> None:
    _, outcome = run
    outcome.write_scores(tmp_path / "scores.csv")
    written = pd.read_csv(tmp_path / "scores.csv", dtype={"surprise_key": str})
    assert written["block_id"].tolist() == outcome.sessions.ids.tolist()
    assert written["label"].map({"Normal": 0, "Anomaly": 1}).tolist() == outcome.sessions.labels.tolist()
    for name in SCORES:
        np.testing.assert_allclose(written[name], outcome.scores[name], rtol=1e-5)
    assert written["alert"].tolist() == outcome.alerts.tolist()
    np.testing.assert_allclose(written["surprise_nll"], written["nll_max"])
    for session, row in written.iterrows():
        keys = [*outcome.sessions.keys(session), "<eos>"]
        assert keys[row["surprise_position"] - 1] == row["surprise_key"]


def test_figures_on_sessions_that_training_never_held() -> None:
    seen = np.array([True, True, False, False, False, True])
    labels = np.array([0, 0, 0, 0, 1, 1], dtype=np.int8)
    scores = np.array([9.0, 1.0, 1.0, 6.0, 7.0, 0.0])
    assert seen_figures(seen, labels, scores, 5.0) == {
        "test/seen_share": 0.5,
        "test/unseen/false_positive_rate": 0.5,  # the third and the fourth, of which one is an alert
        "test/unseen/auroc": 1.0,
    }
    assert seen_figures(seen, np.full(6, LABEL_UNKNOWN), scores, 5.0) == {"test/seen_share": 0.5}
    every = np.ones(6, dtype=bool)
    assert seen_figures(every, labels, scores, 5.0) == {"test/seen_share": 1.0}


def test_sessions_that_training_held_are_counted_in_table_and_file(
    windows: Callable[..., SessionWindows], tmp_path: Path
) -> None:
    datamodule = windows()
    trained = {
        tuple(datamodule.sessions("train").keys(row)) for row in range(len(datamodule.sessions("train")))
    }
    audit = LeakAudit(datamodule, NothingFitted())
    _, _, outcome = judged(datamodule, score="nll_max")
    sessions = outcome.sessions
    seen = np.array([tuple(sessions.keys(row)) in trained for row in range(len(sessions))])
    normal, alerts = sessions.labels == 0, outcome.alerts
    assert 0 < (seen & normal).sum() < normal.sum()
    assert outcome.seen.tolist() == seen.tolist()
    share, rate = (seen[normal]).mean(), alerts[normal & ~seen].mean()
    assert outcome.metrics["test/seen_share"] == pytest.approx(share)
    assert outcome.metrics["test/unseen/false_positive_rate"] == pytest.approx(rate)
    figures = audit.figures(outcome)
    assert figures["audit/duplicate_share"] == pytest.approx(seen.mean())
    assert figures["audit/without_duplicates/false_positive_rate"] == pytest.approx(rate)
    table = outcome.result_table()
    row = dict(table.model_rows)["nll_max, unseen"]
    assert dict(zip(table.columns, row, strict=True)) == {
        "AUROC": outcome.metrics["test/unseen/auroc"],
        "FPR": pytest.approx(rate),
        **dict.fromkeys(["AP", "prec.", "recall", "F1"]),
    }
    outcome.write_scores(tmp_path / "scores.csv")
    assert pd.read_csv(tmp_path / "scores.csv")["seen_in_training"].tolist() == seen.tolist()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"score": "auroc"}, "detection.scores: 'auroc': choose from nll_max"),
        ({"scores": ["nll_max", "ranks"]}, "detection.scores: 'ranks': choose from nll_max"),
        ({"parts": ["combined"]}, "detection.parts: 'combined': choose from nll_max"),
        ({"target_fpr": 0}, "detection.target_fpr=0: give a share between 0 and 1"),
        ({"target_fpr": 1.0}, "detection.target_fpr=1.0: give a share between 0 and 1"),
        ({"prevalence": 2.9}, "detection.prevalence=2.9: give a share between 0 and 1"),
    ],
)
def test_settings_out_of_range_are_told_at_construction(settings: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        DetectionEvaluation(**settings)
    assert str(caught.value).startswith(message)


def test_the_main_score_is_computed_even_where_the_list_lacks_it() -> None:
    assert DetectionEvaluation(score="rank", scores=["nll_max", "rank"]).scores == ["rank", "nll_max"]
