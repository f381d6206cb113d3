"""Figures of detection against scikit-learn's, for any scores and labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from seqlab.detection.metrics import curve, detection_metrics

SCORES = st.one_of(
    st.sampled_from([0.0, 1.0, 1.0 + 1e-12, 1e-300, np.inf]), st.floats(0, 1e9), st.integers(0, 4).map(float)
)
ITEMS = st.lists(st.tuples(SCORES, st.booleans()), max_size=40)


@given(ITEMS, SCORES, SCORES, SCORES, st.one_of(st.none(), st.floats(0.001, 0.999)))
def test_figures_are_those_of_scikit_learn(
    items: list[tuple[float, bool]], normal: float, bad: float, threshold: float, prevalence: float | None
) -> None:
    items = [*items, (normal, False), (bad, True)]
    scores, abnormal = np.array([score for score, _ in items]), np.array([label for _, label in items])
    finite = np.where(
        np.isinf(scores), 1e300, scores
    )  # scikit-learn takes no inf; nothing else changes order
    figures, whole = detection_metrics(scores, abnormal, threshold, prevalence)
    alert = scores > threshold
    assert figures["auroc"] == pytest.approx(metrics.roc_auc_score(abnormal, finite))
    assert figures["average_precision"] == pytest.approx(metrics.average_precision_score(abnormal, finite))
    assert figures["precision"] == pytest.approx(metrics.precision_score(abnormal, alert, zero_division=0))
    assert figures["recall"] == pytest.approx(metrics.recall_score(abnormal, alert))
    assert figures["f1"] == pytest.approx(metrics.f1_score(abnormal, alert))
    (true_negative, false_positive), _ = metrics.confusion_matrix(abnormal, alert)
    assert figures["false_positive_rate"] == pytest.approx(false_positive / (true_negative + false_positive))
    if prevalence is not None:  # as if each session counted so often that the share is the true one
        weights = np.where(abnormal, prevalence / abnormal.sum(), (1 - prevalence) / (~abnormal).sum())
        weighted = {"sample_weight": weights, "zero_division": 0}
        assert figures["precision_at_prevalence"] == pytest.approx(
            metrics.precision_score(abnormal, alert, **weighted)
        )
        assert figures["f1_at_prevalence"] == pytest.approx(metrics.f1_score(abnormal, alert, **weighted))
    best = max(metrics.f1_score(abnormal, finite >= level) for level in set(finite.tolist()))
    assert whole.best_f1(float(abnormal.mean())) == pytest.approx(best)


@given(ITEMS, SCORES, SCORES)
def test_scores_turned_round_turn_auroc_round(
    items: list[tuple[float, bool]], normal: float, bad: float
) -> None:
    items = [*items, (normal, False), (bad, True)]
    ranks = np.unique([score for score, _ in items], return_inverse=True)[1]
    abnormal = np.array([label for _, label in items])
    assert curve(-ranks, abnormal).auroc == pytest.approx(1 - curve(ranks, abnormal).auroc)
    assert curve(ranks, ~abnormal).auroc == pytest.approx(1 - curve(ranks, abnormal).auroc)
