from collections.abc import Callable

import numpy as np
import pytest

from seqlab.detection.metrics import check_prevalence, curve, detection_metrics, precision_at
from seqlab.errors import UserError

# Four normal sessions and three abnormal ones; 3 stands for one of each kind.
SCORES = np.array([1.0, 2.0, 3.0, 5.0, 3.0, 6.0, 7.0])
ABNORMAL = np.array([False, False, False, False, True, True, True])


def test_auroc_counts_pairs_and_half_of_a_tie() -> None:
    # of 12 pairs 3 beats 1 and 2, ties 3, loses to 5; 6 and 7 beat all four
    assert curve(SCORES, ABNORMAL).auroc == pytest.approx((2 + 0.5 + 4 + 4) / 12)


def test_average_precision_by_hand() -> None:
    # from the top: 7 and 6 abnormal, 5 normal, then both threes at once
    expected = 1 / 3 * 1 + 1 / 3 * 1 + 1 / 3 * (3 / 5)
    assert curve(SCORES, ABNORMAL).average_precision == pytest.approx(expected)


def test_every_threshold_of_the_curve() -> None:
    found = curve(SCORES, ABNORMAL)
    assert found.recall.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3, 1, 1, 1])
    assert found.false_positive_rate.tolist() == [0, 0, 0, 0.25, 0.5, 0.75, 1]
    assert found.precision.tolist() == pytest.approx([1, 1, 1, 2 / 3, 3 / 5, 3 / 6, 3 / 7])
    # F1 at the two sixes is 2 * 1 * (2/3) / (5/3)
    assert found.best_f1(3 / 7) == pytest.approx(0.8)


def test_best_f1_at_another_prevalence() -> None:
    found = curve(SCORES, ABNORMAL)
    # at one abnormal in a thousand only thresholds without a false alarm are worth anything
    assert found.best_f1(0.001) == pytest.approx(0.8)
    assert found.best_f1(0.9) == pytest.approx(2 * (0.9 / 0.95) / (0.9 / 0.95 + 1))


@pytest.mark.parametrize(
    "change",
    [
        lambda scores: scores * 10 - 300,
        lambda scores: np.where(scores == 7, np.inf, scores),
        lambda scores: np.select([scores == 6, scores == 7], [40.0, 50.0], scores / 100),
    ],
)
def test_only_the_order_of_scores_counts(change: Callable[[np.ndarray], np.ndarray]) -> None:
    expected, found = curve(SCORES, ABNORMAL), curve(change(SCORES), ABNORMAL)
    assert found.auroc == expected.auroc
    assert found.average_precision == expected.average_precision
    assert np.array_equal(found.recall, expected.recall)


def test_scores_that_a_sigmoid_would_merge_stay_apart() -> None:
    found = curve(np.array([40.0, 41.0, 42.0, 50.0]), np.array([False, False, True, True]))
    assert (found.auroc, found.average_precision) == (1.0, 1.0)
    assert curve(np.array([50.0, 40.0]), np.array([False, True])).auroc == 0.0
    # probabilities that float32 would merge
    tiny = np.array([1 - 1e-12, 1 - 1e-13])
    assert curve(tiny, np.array([False, True])).auroc == 1.0


def test_infinite_scores_tie_at_the_top() -> None:
    scores = np.array([0.0, np.inf, np.inf, 1.0])
    found = curve(scores, np.array([False, False, True, True]))
    # inf beats 0 and ties inf; 1 beats 0 and loses to inf
    assert found.auroc == pytest.approx((1 + 0.5 + 1 + 0) / 4)


def test_figures_at_a_threshold() -> None:
    figures, whole = detection_metrics(SCORES, ABNORMAL, 4.0, None)
    assert figures == {
        "auroc": whole.auroc,
        "average_precision": whole.average_precision,
        "precision": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "false_positive_rate": 0.25,
        "threshold": 4.0,
    }


def test_an_alert_exceeds_the_threshold_and_does_not_equal_it() -> None:
    assert detection_metrics(SCORES, ABNORMAL, 6.0, None)[0]["recall"] == pytest.approx(1 / 3)
    at_five = detection_metrics(SCORES, ABNORMAL, 5.0, None)[0]
    assert (at_five["false_positive_rate"], at_five["precision"]) == (0.0, 1.0)


def test_without_an_alert_precision_and_f1_are_zero() -> None:
    figures, _ = detection_metrics(SCORES, ABNORMAL, 100.0, 0.03)
    assert figures["recall"] == figures["false_positive_rate"] == 0.0
    assert figures["f1"] == figures["f1_at_prevalence"] == 0.0
    assert figures["precision"] == figures["precision_at_prevalence"] == 0.0


def test_precision_at_the_true_prevalence_by_hand() -> None:
    # 2.93 % abnormal, all found, 0.2 % of the others too: 293 of 293 + 19.41 alerts in 10,000 sessions
    found = precision_at(np.array(0.002), np.array(1.0), 0.0293)
    assert float(found) == pytest.approx(293 / (293 + 0.002 * 9707))
    assert float(found) == pytest.approx(0.938, abs=5e-4)
    figures, _ = detection_metrics(SCORES, ABNORMAL, 4.0, 0.1)
    precision = (2 / 3 * 0.1) / (2 / 3 * 0.1 + 0.25 * 0.9)
    assert figures["precision_at_prevalence"] == pytest.approx(precision)
    assert figures["f1_at_prevalence"] == pytest.approx(2 * precision * (2 / 3) / (precision + 2 / 3))


def test_precision_at_the_splits_own_share_is_plain_precision() -> None:
    figures, _ = detection_metrics(SCORES, ABNORMAL, 2.5, 3 / 7)
    assert figures["precision"] == pytest.approx(3 / 5)
    assert figures["precision_at_prevalence"] == pytest.approx(3 / 5)


@pytest.mark.parametrize("prevalence", [0, 1, -0.2, 3])
def test_a_prevalence_out_of_range_is_named(prevalence: float) -> None:
    check_prevalence(None)
    check_prevalence(0.02928)
    with pytest.raises(UserError, match=rf"detection\.prevalence={prevalence}: give a share between 0 and 1"):
        check_prevalence(prevalence)
