"""What judging a classifier gave: figures, the table, scores.csv, and pictures for the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

import numpy as np
from numpy.typing import NDArray

from seqlab.data.labelled import LabelledItems
from seqlab.report.heat_map import heat_map
from seqlab.report.page import Section
from seqlab.report.tables import metrics_table, paragraph, text_table
from seqlab.results.outcome import Outcome, ResultTable
from seqlab.tasks.confusion import ClassFigures, count_confusion

FIGURES = ("accuracy", "macro_f1")
COLUMNS = ("accuracy", "macro F1")
NUM_MISTAKES = 25
LONGEST_TEXT = 200  # characters of a text in a table


@dataclass(frozen=True)
class ClassificationOutcome(Outcome):
    """All that a classification run found out; N test sequences, C classes."""

    items: LabelledItems  # the test split
    classes: tuple[str, ...]  # (C,)
    gold: NDArray[np.int64]  # (N,) class ids
    probabilities: NDArray[np.float32]  # (N, C)
    metrics: dict[str, float]  # the keys of metrics.json, without val/ and timing/
    baselines: tuple[str, ...]
    noun: str  # what is classified: name, text, session
    unit_name: str  # what it is made of, in the plural: characters, words, events
    telling: tuple[tuple[str, list[str]], ...] = ()  # of each label the tokens that speak for it

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(N,) class ids."""
        return self.probabilities.argmax(axis=1)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(C, C) test sequences, gold by predicted."""
        return count_confusion(self.gold, self.predicted, len(self.classes))

    def write_scores(self, path: Path) -> None:
        """Write one row per test sequence: its name, label, predicted, probability of that."""
        import pandas as pd

        columns = {
            self.noun: list(self.items.names),
            "label": list(self.items.labels),
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
            title=f"{len(self.items):,} test {self.noun}s of {len(self.classes)} labels",
            columns=COLUMNS,
            model_rows=[("model", row("test"))],
            baseline_rows=[(name, row(f"baseline/{name}")) for name in self.baselines],
            notes=[
                ("macro F1", "the mean over labels, rare ones as heavy as frequent ones"),
                (
                    "best possible",
                    f"accuracy {ceiling:.4f}: {self.items.num_ambiguous():,} test {self.noun}s occur with "
                    "more than one label",
                ),
            ],
            loss_unit=f"nats per {self.noun}",
        )

    def class_rows(self) -> list[tuple[str, list[float | None]]]:
        """Label; precision, recall, F1, predicted and gold sequences, most frequent in the test first."""
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

    def shown(self, row: int) -> str:
        """A test sequence as a reader sees it: what it is called, where that says something, and itself."""
        text = self.items.texts[row]
        return text if self.items.ids is None else f"{self.items.ids[row]}: {text}"

    def confident_mistakes(self, number: int) -> list[tuple[str, str, str, float, float]]:
        """Distinct sequence, label, predicted, its probability and the label's; the surest mistakes first."""
        predicted = self.predicted
        wrong = np.flatnonzero(predicted != self.gold)
        order = wrong[np.argsort(-self.probabilities[wrong, predicted[wrong]], kind="stable")]
        rows = (
            (
                self.shown(row),
                self.items.labels[row],
                self.classes[predicted[row]],
                float(self.probabilities[row, predicted[row]]),
                float(self.probabilities[row, self.gold[row]]),
            )
            for row in order.tolist()
        )
        return list(dict.fromkeys(rows))[:number]


def confusion_section(outcome: ClassificationOutcome) -> Section:
    """The confusion matrix: of each label's test sequences, the share taken for each label."""
    confusion = outcome.confusion
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    body = heat_map(
        shares,
        outcome.classes,
        outcome.classes,
        "Confusion matrix",
        row_title="label",
        column_title="predicted",
    )
    note = (
        f"Each row is a label's test {outcome.noun}s: the shade is the share of them that was taken for the "
        "column."
    )
    return Section("Confusion matrix", body, note)


def labels_section(outcome: ClassificationOutcome) -> Section:
    """Figures of each label on the test split."""
    columns = ("precision", "recall", "F1", "predicted", f"{outcome.noun}s")
    return Section("Labels", metrics_table(columns, outcome.class_rows(), row_title="label"))


def telling_sections(outcome: ClassificationOutcome) -> list[Section]:
    """The words or events that speak for each label, where single ones mean something to a reader."""
    if not outcome.telling:
        return []
    rows = [(label, ", ".join(words)) for label, words in outcome.telling]
    units = outcome.unit_name
    note = (
        f"Counted in training, by the naive Bayes baseline: the share of the label's {units} that is this "
        "one times the log of that share over its share elsewhere."
    )
    return [Section(units.capitalize(), text_table(("label", f"{units} that speak for it"), rows), note)]


def mistakes_section(outcome: ClassificationOutcome) -> Section:
    """The mistakes that the network was surest of."""
    rows = [
        (shorten(name, LONGEST_TEXT, placeholder=" …"), label, predicted, f"{sure:.3f}", f"{share:.3f}")
        for name, label, predicted, sure, share in outcome.confident_mistakes(NUM_MISTAKES)
    ]
    if not rows:
        return Section("Surest mistakes", paragraph(f"Every test {outcome.noun} was classified right."))
    columns = (outcome.noun, "label", "predicted", "its probability", "the label's")
    note = f"The {len(rows)} distinct mistakes with the highest probability."
    return Section("Surest mistakes", text_table(columns, rows), note)
