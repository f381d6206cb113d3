"""From a classification run to its report: what is taken for what, figures by label, sure mistakes."""

from __future__ import annotations

from textwrap import shorten

import numpy as np
from omegaconf import DictConfig

from seqlab.data.labelled_contract import LabelledModule
from seqlab.evaluation.classification import ClassificationOutcome
from seqlab.report.charts import line_chart
from seqlab.report.heat_map import heat_map
from seqlab.report.page import Section
from seqlab.report.run_page import Line, write_run_page
from seqlab.report.svg import chart_grid
from seqlab.report.tables import metrics_table, paragraph, text_table
from seqlab.tasks.classification import Classification
from seqlab.training.history import History
from seqlab.training.run_folder import RunFolder

NUM_MISTAKES = 25
LONGEST_TEXT = 200  # characters of a text in a table


def write_report(
    folder: RunFolder,
    config: DictConfig,
    task: Classification,
    datamodule: LabelledModule,
    outcome: ClassificationOutcome,
    metrics: dict[str, float],
    history: History,
) -> None:
    """Write report.html of a classification run."""
    write_run_page(
        folder,
        config,
        outcome.result_table(),
        metrics,
        history,
        [
            confusion_section(outcome),
            labels_section(outcome),
            *telling_sections(outcome),
            mistakes_section(outcome),
            *accuracy_sections(history),
        ],
        facts=datamodule.facts(),
        emphasis=outcome.model_name,
        loss_label=f"loss (nats per {outcome.noun})",
    )


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


def accuracy_sections(history: History) -> list[Section]:
    """Accuracy and macro F1 on the validation split over epochs, where they were logged."""
    names = ("val/accuracy", "val/macro_f1")
    lines: dict[str, Line] = {name: history.series[name] for name in names if name in history.series}
    if not lines:
        return []
    chart = line_chart(lines, "epoch", "share", title="Accuracy and macro F1 while training")
    return [Section("Validation", chart_grid([chart]))]
