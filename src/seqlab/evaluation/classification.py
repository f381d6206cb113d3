"""How a classifier is judged: accuracy and macro F1 on the test split, beside what needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.batches import NameBatch
from seqlab.data.name_files import LabelledNames
from seqlab.data.names import Names
from seqlab.evaluation.name_baselines import LongestEnding, Majority, NaiveBayes
from seqlab.evaluation.outcome import Evaluation, FittedBaselines, ResultTable
from seqlab.tasks.classification import Classification
from seqlab.tasks.confusion import ClassFigures, classification_figures, count_confusion

FIGURES = ("accuracy", "macro_f1")
COLUMNS = ("accuracy", "macro F1")
WORD_BASELINE = "word_naive_bayes"
TELLING_WORDS = 15


@dataclass(frozen=True)
class ClassificationOutcome:
    """All that a classification run found out; N test names or texts, C classes."""

    names: LabelledNames  # the test split
    classes: tuple[str, ...]  # (C,)
    gold: NDArray[np.int64]  # (N,) class ids
    probabilities: NDArray[np.float32]  # (N, C)
    metrics: dict[str, float]  # the keys of metrics.json, without val/ and timing/
    baselines: tuple[str, ...]
    noun: str = "name"  # what is classified
    telling: tuple[tuple[str, list[str]], ...] = ()  # of each label the words that speak for it

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) class ids."""
        return self.probabilities.argmax(axis=1)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(C, C) names, gold by predicted."""
        return count_confusion(self.gold, self.predicted, len(self.classes))

    def write_scores(self, path: Path) -> None:
        """Write one row per test name or text: itself, label, predicted, probability of that."""
        import pandas as pd

        columns = {
            self.noun: list(self.names.names),
            "label": list(self.names.labels),
            "predicted": [self.classes[number] for number in self.predicted],
            "probability": self.probabilities.max(axis=1),
        }
        pd.DataFrame(columns).to_csv(path, index=False, float_format="%.6g")

    def result_table(self) -> ResultTable:
        """The classifier, then what needs no network."""

        def row(prefix: str) -> list[float | None]:
            return [self.metrics[f"{prefix}/{name}"] for name in FIGURES]

        ceiling = self.metrics["oracle/accuracy_ceiling"]
        return ResultTable(
            title=f"{len(self.names):,} test {self.noun}s of {len(self.classes)} labels",
            columns=COLUMNS,
            model_rows=[("name_classifier", row("test"))],
            baseline_rows=[(name, row(f"baseline/{name}")) for name in self.baselines],
            notes=[
                ("macro F1", "the mean over labels, rare ones as heavy as frequent ones"),
                (
                    "best possible",
                    f"accuracy {ceiling:.4f}: {self.names.num_ambiguous():,} test {self.noun}s occur with "
                    "more than one label",
                ),
            ],
        )

    def class_rows(self) -> list[tuple[str, list[float | None]]]:
        """Label; precision, recall, F1, predicted and gold names, most frequent in the test split first."""
        confusion = self.confusion
        figures = ClassFigures.from_counts(confusion)
        predicted, gold = confusion.sum(axis=0), confusion.sum(axis=1)
        order = sorted(range(len(self.classes)), key=lambda number: (-gold[number], self.classes[number]))
        return [
            (
                self.classes[number],
                [*(float(part[number]) for part in figures), float(predicted[number]), float(gold[number])],
            )
            for number in order
        ]

    def confident_mistakes(self, number: int) -> list[tuple[str, str, str, float, float]]:
        """Distinct name, label, predicted, its probability and the label's; the surest mistakes first."""
        predicted = self.predicted
        wrong = np.flatnonzero(predicted != self.gold)
        order = wrong[np.argsort(-self.probabilities[wrong, predicted[wrong]], kind="stable")]
        rows = (
            (
                self.names.names[row],
                self.names.labels[row],
                self.classes[predicted[row]],
                float(self.probabilities[row, predicted[row]]),
                float(self.probabilities[row, self.gold[row]]),
            )
            for row in order.tolist()
        )
        return list(dict.fromkeys(rows))[:number]


class ClassificationEvaluation(Evaluation):
    """Accuracy, macro F1 and F1 of each label; nothing is fitted but the baselines."""

    def fit(self, task: Classification, datamodule: Names) -> tuple[FittedBaselines, dict[str, float]]:
        """The validation figures of the checkpoint that is judged."""
        # baselines count the training split, which is closed once the test split is open
        train, val = datamodule.names("train"), datamodule.names("val")
        coder = datamodule.coder
        counted: tuple[Any, ...] = (LongestEnding(train), NaiveBayes(train, val))
        if coder.unit == "word":
            counted = (NaiveBayes(train, val, WORD_BASELINE, coder.tokens),)
        fitted = FittedBaselines((Majority(train), *counted))
        loss, probabilities = classify_split(task, datamodule, "val")
        gold = datamodule.dataset("val").labels.numpy()
        figures = classification_figures(
            count_confusion(gold, probabilities.argmax(axis=1), probabilities.shape[1])
        )
        return fitted, {"val/loss": loss} | {f"val/{name}": figures[name] for name in FIGURES}

    def test(self, task: Classification, datamodule: Names, judge: FittedBaselines) -> ClassificationOutcome:
        """Classify and measure the test split, which ``open_test`` must have unlocked."""
        names, gold = datamodule.names("test"), datamodule.dataset("test").labels.numpy()
        classes = datamodule.coder.labels
        loss, probabilities = classify_split(task, datamodule, "test")
        confusion = count_confusion(gold, probabilities.argmax(axis=1), len(classes))
        figures = classification_figures(confusion)
        metrics = {"test/loss": loss} | {f"test/{name}": figures[name] for name in FIGURES}
        f1 = ClassFigures.from_counts(confusion).f1
        occurs = confusion.sum(axis=1) > 0
        metrics |= {
            f"test/{label}/f1": float(value)
            for label, value, known in zip(classes, f1, occurs, strict=True)
            if known
        }
        for baseline in judge.baselines:
            guesses = datamodule.coder.label_ids(baseline.predict(names.names))
            figures = classification_figures(count_confusion(gold, guesses, len(classes)))
            metrics |= {f"baseline/{baseline.name}/{name}": figures[name] for name in FIGURES}
        metrics["oracle/accuracy_ceiling"] = names.accuracy_ceiling()
        by_name = {baseline.name: baseline for baseline in judge.baselines}
        telling = by_name[WORD_BASELINE].telling(TELLING_WORDS) if WORD_BASELINE in by_name else ()
        return ClassificationOutcome(
            names,
            classes,
            gold,
            probabilities,
            metrics,
            tuple(by_name),
            datamodule.coder.noun,
            tuple(telling),
        )


@torch.inference_mode()
def classify_split(task: Classification, datamodule: Names, split: str) -> tuple[float, NDArray[np.float32]]:
    """Loss per name in nats, and (N, C) probabilities of a split in its own order."""
    task.eval()
    dataset = datamodule.dataset(split)
    probabilities = torch.zeros(len(dataset), datamodule.sizes["num_classes"])
    for items in datamodule.scoring_batches(split):
        batch = NameBatch(*(part.to(task.device) for part in dataset[items]))
        probabilities[items] = task.predict_step(batch).cpu()
    chosen = probabilities[torch.arange(len(dataset)), dataset.labels].double()
    tiny = torch.finfo(torch.float32).tiny
    return float(-chosen.clamp(min=tiny).log().mean()), probabilities.numpy()
