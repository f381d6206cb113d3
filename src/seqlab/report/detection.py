"""The report of a log anomaly run: what its sections are, in which order, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from seqlab.report.alerts import Alert, alerts_block
from seqlab.report.charts import precision_recall_chart, roc_curve_chart
from seqlab.report.heat_map import heat_map
from seqlab.report.histogram import score_histogram
from seqlab.report.page import Section, render_page, write_page
from seqlab.report.run_page import profile_section, run_section, training_section
from seqlab.report.svg import chart_grid, chart_row
from seqlab.report.tables import metrics_table, paragraph

if TYPE_CHECKING:
    from seqlab.training.profiling import PartRow


@dataclass(frozen=True)
class DetectionContent:
    """All that the report of a detection run shows. S sessions; scores are higher for the more suspect.

    Raises:
        ValueError: scores and labels differ in length.
    """

    title: str
    subtitle: str
    metric_columns: Sequence[str]
    metric_rows: Sequence[tuple[str, Sequence[float | None]]]  # model and baselines, a figure per column
    scores: Mapping[str, tuple[ArrayLike, float]]  # name to ((S,) scores, threshold); the first makes alerts
    labels: ArrayLike  # (S,) int8: -1 unknown, 0 normal, 1 abnormal
    curves: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]] = field(
        default_factory=dict
    )  # name to false positive rate, true positive rate, precision, recall: (R,), (R,), (P,), (P,)
    alerts: Sequence[Alert] = ()  # most suspect first
    histories: Mapping[str, tuple[Sequence[float], Sequence[float]]] = field(
        default_factory=dict
    )  # name of a loss to (epochs, losses)
    learning_rate: tuple[Sequence[float], Sequence[float]] | None = None  # (epochs, rates)
    profile: Sequence[PartRow] = ()  # where the time of training went
    attention: Sequence[tuple[str, ArrayLike, Sequence[str], Sequence[str]]] = ()
    # title, (T, S) weights, T row labels, S column labels
    facts: Sequence[tuple[str, str]] = ()
    environment: Sequence[tuple[str, str]] = ()
    config_yaml: str = ""
    notices: Sequence[str] = ()
    next_steps: Sequence[str] = ()  # commands, where there is nothing measured to read
    emphasis: str | None = None  # the row of the result table to set in bold
    loss_label: str = "loss"  # with its unit

    def __post_init__(self) -> None:
        count = len(np.asarray(self.labels).ravel())
        for name, (scores, _) in self.scores.items():
            if (given := len(np.asarray(scores).ravel())) != count:
                raise ValueError(f"scores {name!r} holds {given} sessions, labels {count}; give one of each")


def _labels(content: DetectionContent) -> NDArray[np.int8]:
    return np.asarray(content.labels).ravel().astype(np.int8)


def _result(content: DetectionContent) -> Section:
    if not content.metric_rows:
        return Section("Result", paragraph("Nothing was measured in this run."))
    table = metrics_table(
        content.metric_columns,
        content.metric_rows,
        emphasis=content.emphasis,
        row_title="model and baselines",
    )
    labels = _labels(content)
    abnormal, normal, unknown = (int((labels == label).sum()) for label in (1, 0, -1))
    note = f"Measured on {abnormal + normal:,} labeled sessions, {abnormal:,} of them abnormal."
    if not abnormal + normal:
        note = f"None of the {unknown:,} sessions has a label, so nothing that needs one can be measured."
    elif unknown:
        note += f" Another {unknown:,} have no label and count in no figure."
    commands = "\n".join(content.next_steps)
    steps = Markup('<p class="next">What to do next:</p><pre>{}</pre>').format(commands) if commands else ""
    return Section("Result", Markup("").join([table, steps]), note)


def _histograms(content: DetectionContent) -> Section:
    labels = _labels(content)
    labeled = bool((labels != -1).any())
    charts = []
    for name, (scores, threshold) in content.scores.items():
        values = np.asarray(scores, dtype=np.float64).ravel()
        normal, abnormal = (values[labels == 0], values[labels == 1]) if labeled else (values, values[:0])
        group = "normal" if labeled else "unlabeled"
        charts.append(score_histogram(normal, abnormal, threshold, name, normal_name=group))
    note = "Share of each class per bin. A score right of the threshold raises an alert."
    if not labeled:
        note = (
            "Share of all sessions per bin; none is labeled. A score right of the threshold raises an alert."
        )
    body = chart_grid(charts) if charts else paragraph("This run has no scores.")
    return Section("Scores", body, note if charts else "")


def _curves(content: DetectionContent) -> Section:
    title = "ROC and precision-recall"
    labels = _labels(content)
    abnormal, normal = int((labels == 1).sum()), int((labels == 0).sum())
    if not abnormal or not normal:
        lacking = "labels" if not abnormal and not normal else "abnormal" if normal else "normal"
        what = "labels" if lacking == "labels" else f"{lacking} sessions in the labels"
        return Section(
            title,
            paragraph(
                f"Not drawn: both curves need known normal and abnormal sessions, and there are no {what}."
            ),
        )
    if not content.curves:
        return Section(title, paragraph("Not drawn: this run computed no curves."))
    roc = roc_curve_chart({name: curve[:2] for name, curve in content.curves.items()})
    precision_recall = precision_recall_chart(
        {name: curve[2:] for name, curve in content.curves.items()}, prevalence=abnormal / (abnormal + normal)
    )
    note = "Every possible threshold; the one of this run is a single point on each curve."
    return Section(title, chart_grid([roc, precision_recall]), note)


def _alerts(content: DetectionContent) -> Section:
    note = "The most suspect sessions, most suspect first." if content.alerts else ""
    return Section("Top alerts", alerts_block(content.alerts), note)


def _attention(content: DetectionContent) -> Section:
    maps = [
        heat_map(weights, rows, columns, title, row_title="predicted key", column_title="key attended to")
        for title, weights, rows, columns in content.attention
    ]
    note = "Each row is one prediction, each column a key it could look at; stronger color is more weight."
    return Section("Attention", chart_row(maps), note)


def detection_sections(content: DetectionContent) -> list[Section]:
    """The sections in the order of reading; the one on attention only where there is any."""
    sections = [_result(content), _histograms(content), _curves(content), _alerts(content)]
    sections.append(training_section(content.histories, content.learning_rate, loss_label=content.loss_label))
    sections += profile_section(content.profile)
    if content.attention:
        sections.append(_attention(content))
    return [*sections, run_section(content.facts, content.environment, content.config_yaml)]


def write_detection_report(path: Path | str, content: DetectionContent) -> None:
    """Write the page in one step; ``path`` is replaced if it exists."""
    write_page(
        path, render_page(content.title, content.subtitle, content.notices, detection_sections(content))
    )
