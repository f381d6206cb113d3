from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from seqlab.data.labelled import LabelledItems
from seqlab.data.labelled_text import Names
from seqlab.evaluation.classification import (
    ClassificationEvaluation,
    ClassificationOutcome,
    classify_split,
)
from seqlab.evaluation.classification_report import confusion_section, mistakes_section
from seqlab.networks.sequence_classifier import SequenceClassifier
from seqlab.results.outcome import Outcome
from seqlab.tasks.classification import Classification


@pytest.fixture
def judged() -> tuple[Classification, Names]:
    data = Names(sample={"num_names": 200}, scoring_batch_size=7)
    data.setup()
    torch.manual_seed(0)
    network = SequenceClassifier(**data.sizes, embedding_size=6, hidden_size=6)
    return Classification(network=network), data


@pytest.fixture
def outcome() -> ClassificationOutcome:
    probabilities = np.array(
        [[0.9, 0.1, 0], [0.2, 0.8, 0], [0.7, 0.2, 0.1], [0.05, 0.95, 0], [0.7, 0.2, 0.1]]
    )
    names = LabelledItems(
        ("Ann", "Bea", "Cy", "Dan", "Cy"), ("A", "B", "C", "A", "C"), np.arange(1, 6), "here"
    )
    return ClassificationOutcome(
        names, ("A", "B", "C"), np.array([0, 1, 2, 0, 2]), probabilities, {}, (), "name", "character"
    )


def test_a_split_is_judged_in_its_own_order_whatever_the_batches(
    judged: tuple[Classification, Names],
) -> None:
    task, data = judged
    loss, probabilities = classify_split(task, data, "val")
    dataset = data.dataset("val")
    rows = [task.predict_step(dataset[torch.tensor([row])])[0] for row in range(len(dataset))]
    torch.testing.assert_close(torch.from_numpy(probabilities), torch.stack(rows).detach())
    losses = [-rows[row][label].log().item() for row, label in enumerate(dataset.labels.tolist())]
    assert loss == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_the_whole_evaluation(
    judged: tuple[Classification, Names], resampled_keys: Callable[[Outcome], None], tmp_path: Path
) -> None:
    task, data = judged
    evaluation = ClassificationEvaluation()
    judge, val = evaluation.fit(task, data)
    data.open_test()
    found = evaluation.test(task, data, judge)
    resampled_keys(found)
    assert set(val) == {"val/loss", "val/accuracy", "val/macro_f1"}
    labels = list(found.items.labels)
    majority = labels.count("English") if "English" in data.coder.labels else 0
    assert majority
    predicted = [data.coder.labels[number] for number in found.predicted]
    right = sum(label == guess for label, guess in zip(labels, predicted, strict=True))
    assert found.metrics["test/accuracy"] == pytest.approx(right / len(labels))
    assert found.metrics["oracle/accuracy_ceiling"] == found.items.accuracy_ceiling()
    for name in ("majority", "longest_ending", "ngram_naive_bayes"):
        assert 0 < found.metrics[f"baseline/{name}/accuracy"] <= 1
    assert [name for name, _ in found.result_table().baseline_rows] == list(found.baselines)
    found.write_scores(tmp_path / "scores.csv")
    table = pd.read_csv(tmp_path / "scores.csv")
    assert list(table.columns) == ["name", "label", "predicted", "probability"]
    assert table["predicted"].tolist() == predicted


def test_rows_of_labels_and_the_surest_mistakes_by_hand(outcome: ClassificationOutcome) -> None:
    assert outcome.confusion.tolist() == [[1, 1, 0], [0, 1, 0], [2, 0, 0]]
    rows = dict(outcome.class_rows())
    assert list(rows) == ["A", "C", "B"]
    assert rows["A"] == pytest.approx([1 / 3, 1 / 2, 2 / 5, 3, 2])
    assert outcome.confident_mistakes(5) == [("Dan", "A", "B", 0.95, 0.05), ("Cy", "C", "A", 0.7, 0.1)]
    assert outcome.confident_mistakes(1) == [("Dan", "A", "B", 0.95, 0.05)]


def test_the_report_draws_the_matrix_and_tells_the_mistakes(outcome: ClassificationOutcome) -> None:
    assert "3 by 3" in str(confusion_section(outcome).body)
    body = str(mistakes_section(outcome).body)
    assert body.index("Dan") < body.index("Cy")


def test_figures_of_other_test_items_are_those_of_repeated_ones(outcome: ClassificationOutcome) -> None:
    weights = np.array([[1, 1, 1, 1, 1], [2, 0, 1, 1, 1], [0, 0, 3, 0, 2]])
    found = outcome.resampled(weights)
    for row, times in enumerate(weights):
        rows = np.repeat(np.arange(5), times)
        right = outcome.gold[rows] == outcome.predicted[rows]
        assert found["test/accuracy"][row] == pytest.approx(right.mean())
        one = ClassificationOutcome(
            outcome.items.take(rows),
            outcome.classes,
            outcome.gold[rows],
            outcome.probabilities[rows],
            {},
            (),
            "name",
            "character",
        )
        assert found["test/loss"][row] == pytest.approx(one.losses.mean())
        for name, figures in one.class_rows():
            assert found[f"test/{name}/f1"][row] == pytest.approx(figures[2])
    assert outcome.losses == pytest.approx(-np.log([0.9, 0.8, 0.1, 0.05, 0.1]))
    assert outcome.support() == {
        "test/loss": 5,
        "test/accuracy": 5,
        "test/macro_f1": 1,
        "test/A/f1": 2,
        "test/B/f1": 1,
        "test/C/f1": 2,
    }
