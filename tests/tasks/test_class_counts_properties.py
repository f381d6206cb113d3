"""Figures of classes, tags and entities against scikit-learn's and seqeval's, whole and batch by batch."""

import warnings

import numpy as np
import pytest
import seqeval.metrics
import seqeval.scheme
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from seqlab.data.tags import tag_names, to_bio
from seqlab.tasks.class_counts import (
    Confusion,
    EntityCounts,
    TagCounts,
    class_figures,
    plain_figures,
    tagging_figures,
)

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=40)
NAMES = tag_names(["X", "Y"])
TAG = st.integers(0, len(NAMES) - 1)
SENTENCES = st.lists(st.lists(st.tuples(TAG, TAG), min_size=1, max_size=9), min_size=1, max_size=6)


def floats(figures: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items()}


@given(PAIRS, st.integers(1, 40))
def test_accuracy_and_macro_f1_are_those_of_scikit_learn(pairs: list[tuple[int, int]], cut: int) -> None:
    gold, predicted = np.array(pairs).T
    expected = {
        "accuracy": metrics.accuracy_score(gold, predicted),
        "macro_f1": metrics.f1_score(gold, predicted, average="macro", zero_division=0),
    }
    assert class_figures(gold, predicted, 6) == pytest.approx(expected)
    metric = Confusion(6)
    for part in (slice(0, cut), slice(cut, None)):
        metric.update(torch.from_numpy(gold[part]), torch.from_numpy(predicted[part]))
    assert floats(metric.compute()) == pytest.approx(expected)


@given(PAIRS)
def test_tags_that_training_lacks_are_one_class_that_is_never_right(pairs: list[tuple[int, int]]) -> None:
    gold, predicted = np.array(pairs).T
    predicted = np.minimum(predicted, 3)  # training knows 4 of the tags
    merged = np.minimum(gold, 4)
    expected = {
        "accuracy": metrics.accuracy_score(merged, predicted),
        "macro_f1": metrics.f1_score(merged, predicted, average="macro", zero_division=0),
    }
    assert plain_figures(gold, predicted, 4) == pytest.approx(expected)
    counts = TagCounts(4)
    counts.update(
        torch.from_numpy(gold)[None], torch.from_numpy(predicted)[None], torch.ones(1, len(gold)) > 0
    )
    assert floats(counts.compute()) == pytest.approx(expected)


def entity_figures(sentences: list[list[tuple[int, int]]]) -> dict[str, float]:
    flat = np.array([pair for sentence in sentences for pair in sentence])
    first = np.array([place == 0 for sentence in sentences for place in range(len(sentence))])
    figures = tagging_figures(flat[:, 0], flat[:, 1], first)
    width = max(map(len, sentences))
    metric = EntityCounts()
    for sentence in sentences:  # padded, one batch each
        rows = torch.zeros(2, 1, width, dtype=torch.int64)
        rows[:, 0, : len(sentence)] = torch.tensor(sentence).T
        metric.update(*rows, torch.arange(width)[None] < len(sentence))
    assert floats(metric.compute()) == pytest.approx(figures)
    return figures


def texts_of(sentences: list[list[tuple[int, int]]], side: int) -> list[list[str]]:
    return [[NAMES[pair[side]] for pair in sentence] for sentence in sentences]


@given(SENTENCES)
def test_entities_of_any_tags_are_those_of_seqeval(sentences: list[list[tuple[int, int]]]) -> None:
    figures, texts = entity_figures(sentences), [texts_of(sentences, side) for side in (0, 1)]
    for name in ("precision", "recall", "f1"):
        expected = getattr(seqeval.metrics, f"{name}_score")(*texts, zero_division=0)
        assert figures[f"entity_{name}"] == pytest.approx(expected)
    assert figures["token_accuracy"] == pytest.approx(seqeval.metrics.accuracy_score(*texts))


@given(SENTENCES)
def test_entities_of_well_formed_tags_are_those_of_seqevals_strict_mode(
    sentences: list[list[tuple[int, int]]],
) -> None:
    """What readers of files and the CRF give begins each entity with B: both modes count alike."""
    sides = [[to_bio(sentence, [0])[0] for sentence in texts_of(sentences, side)] for side in (0, 1)]
    numbered = [
        [(NAMES.index(one), NAMES.index(other)) for one, other in zip(*pair, strict=True)]
        for pair in zip(*sides, strict=True)
    ]
    figures = entity_figures(numbered)
    if not any(tag != "O" for side in sides for tags in side for tag in tags):
        return  # seqeval's strict mode divides by its zero types
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("precision", "recall", "f1"):
            score = getattr(seqeval.metrics, f"{name}_score")
            expected = score(*sides, mode="strict", scheme=seqeval.scheme.IOB2, zero_division=0)
            assert figures[f"entity_{name}"] == pytest.approx(expected)
