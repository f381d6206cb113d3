import numpy as np
import pytest

from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_UNKNOWN
from seqlab.detection.metrics import (
    Ranking,
    SeenFigures,
    alike,
    detection_metrics,
    seen_figures,
    sums,
)


def drawn(seed: int, size: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores with ties and inf, labels, and (7, S) weights of which the first are 1."""
    random = np.random.default_rng(seed)
    scores = random.choice([0.0, 0.5, 1.0, 1.5, 2.0, np.inf], size) + random.choice([0, 0.25], size)
    abnormal = random.random(size) < 0.3
    weights = random.integers(0, 3, (7, size))
    weights[0] = 1
    return scores, abnormal, weights


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("prevalence", [None, 0.01])
@pytest.mark.parametrize("threshold", [-1.0, 1.0, 1.25, np.inf])
def test_figures_are_those_of_repeated_sessions(
    seed: int, prevalence: float | None, threshold: float
) -> None:
    scores, abnormal, weights = drawn(seed)
    found = Ranking(scores, abnormal, threshold, prevalence).figures(weights)
    for row, times in enumerate(weights):
        expected, _ = detection_metrics(
            np.repeat(scores, times), np.repeat(abnormal, times), threshold, prevalence
        )
        expected.pop("threshold")
        assert {name: values[row] for name, values in found.items()} == pytest.approx(expected, abs=1e-12)


def test_without_a_kind_of_session_only_the_other_ones_share_is_defined() -> None:
    ranking = Ranking(np.array([1.0, 2.0, 3.0]), np.array([False, True, False]), 2.5)
    found = ranking.figures(np.array([[1, 0, 2], [0, 3, 0], [0, 0, 0]]))
    assert found["false_positive_rate"].tolist() == pytest.approx([2 / 3, np.nan, np.nan], nan_ok=True)
    assert found["recall"].tolist() == pytest.approx([np.nan, 0, np.nan], nan_ok=True)
    for name in ("auroc", "average_precision", "precision", "f1"):
        assert np.isnan(found[name]).all()


@pytest.mark.parametrize("seed", range(4))
def test_novelty_is_counted_as_in_repeated_sessions(seed: int) -> None:
    scores, abnormal, weights = drawn(seed)
    seen = np.random.default_rng(seed + 100).random(len(scores)) < 0.6
    labels = np.where(abnormal, LABEL_ABNORMAL, 0).astype(np.int8)
    for given in (labels, np.zeros_like(labels), np.full_like(labels, LABEL_UNKNOWN)):
        found = SeenFigures(seen, given, scores, 1.0).figures(weights)
        for row, times in enumerate(weights):
            repeated = (np.repeat(part, times) for part in (seen, given, scores))
            assert {name: values[row] for name, values in found.items()} == pytest.approx(
                seen_figures(*repeated, 1.0), abs=1e-12
            )


def test_sessions_that_no_column_tells_apart_are_one_group() -> None:
    first, group = alike([[1, 1, 2, 1, 2], [0.5, np.inf, 0.5, 0.5, 0.5]])
    assert group.tolist() == [0, 1, 2, 0, 2]
    assert first.tolist() == [0, 1, 2]
    weights = np.array([[1, 2, 3, 4, 5]])
    assert sums(weights, np.arange(5), group, 3).tolist() == [[5, 2, 8]]
