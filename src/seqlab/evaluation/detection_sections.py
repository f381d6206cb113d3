"""Pictures of a detection run for its report: scores, curves, top alerts, attention."""

from __future__ import annotations

import numpy as np
import torch

from seqlab.data.batches import SessionBatch
from seqlab.data.log_sessions import LogSessions
from seqlab.data.sequences import LABEL_UNKNOWN
from seqlab.data.vocabulary import EOS_TOKEN, Vocabulary
from seqlab.detection.count_costs import widest_first
from seqlab.detection.counts import count_matrix
from seqlab.evaluation.detection_report import DetectionOutcome
from seqlab.report.alerts import Alert, alerts_block
from seqlab.report.charts import precision_recall_chart, roc_curve_chart
from seqlab.report.histogram import score_histogram
from seqlab.report.page import Section
from seqlab.report.svg import chart_grid, chart_row
from seqlab.report.tables import paragraph
from seqlab.tasks.base import SequenceTask

CURVES = (
    "combined",
    "nll_max",
    "event_length_count",
    "2-gram",
)  # beside the main score's; more hide each other
HEAT_MAPS = 4
LONGEST_HEAT_MAP = 48  # tokens a side; more do not fit a page


def detection_sections(
    task: SequenceTask, datamodule: LogSessions, outcome: DetectionOutcome, top_alerts: int
) -> list[Section]:
    """The sections in the order of reading; the one on attention only where there is any.

    Args:
        top_alerts: alerts to show.
    """
    alerts = most_suspect_alerts(outcome, datamodule.vocabulary, datamodule.templates, top_alerts)
    note = "The most suspect sessions, most suspect first." if alerts else ""
    return [
        scores_section(outcome),
        curves_section(outcome),
        Section("Top alerts", alerts_block(alerts), note),
        *attention_sections(task, datamodule, outcome),
    ]


def scores_section(outcome: DetectionOutcome) -> Section:
    """A histogram of each score, the main one first."""
    labels = outcome.sessions.labels
    labeled = bool((labels != LABEL_UNKNOWN).any())
    charts = []
    for name in [outcome.main_score, *(name for name in outcome.scores if name != outcome.main_score)]:
        scores = outcome.scores[name].astype(np.float64)
        normal, abnormal = (scores[labels == 0], scores[labels == 1]) if labeled else (scores, scores[:0])
        threshold = outcome.detector.thresholds[name].value
        group = "normal" if labeled else "unlabeled"
        charts.append(score_histogram(normal, abnormal, threshold, name, normal_name=group))
    note = "Share of each class per bin. A score right of the threshold raises an alert."
    if not labeled:
        note = (
            "Share of all sessions per bin; none is labeled. A score right of the threshold raises an alert."
        )
    return Section("Scores", chart_grid(charts), note)


def curves_section(outcome: DetectionOutcome) -> Section:
    """ROC and precision-recall, or why there are none."""
    title = "ROC and precision-recall"
    labels = outcome.sessions.labels
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
    shown = {
        name: curve for name, curve in outcome.curves.items() if name in CURVES or name == outcome.main_score
    }
    roc = roc_curve_chart({name: (curve.false_positive_rate, curve.recall) for name, curve in shown.items()})
    precision_recall = precision_recall_chart(
        {name: (curve.precision, curve.recall) for name, curve in shown.items()},
        prevalence=abnormal / (abnormal + normal),
    )
    note = "Every possible threshold; the one of this run is a single point on each curve."
    return Section(title, chart_grid([roc, precision_recall]), note)


def attention_sections(
    task: SequenceTask, datamodule: LogSessions, outcome: DetectionOutcome
) -> list[Section]:
    """Where the network looked in some top alerts; nothing without attention."""
    found = list(attention_maps(task, datamodule, outcome))
    if not found:
        return []
    from seqlab.report.heat_map import heat_map

    maps = [
        heat_map(weights, rows, columns, title, row_title="predicted key", column_title="key attended to")
        for title, weights, rows, columns in found
    ]
    note = "Each row is one prediction, each column a key it could look at; stronger color is more weight."
    return [Section("Attention", chart_row(maps), note)]


def _most_suspect(outcome: DetectionOutcome, limit: int) -> list[int]:
    """Test sessions by falling main score; equal scores in the order of their mean surprise."""
    events = outcome.events
    mean = np.add.reduceat(events.nll.astype(np.float64), events.offsets[:-1]) / np.diff(events.offsets)
    order = np.lexsort((-mean, -outcome.scores[outcome.main_score]))
    return [session for session in order.tolist() if outcome.alerts[session]][:limit]


def odd_counts(outcome: DetectionOutcome, vocabulary: Vocabulary, session: int) -> dict[str, int]:
    """{key: how many more than the nearest normal session has}, the largest differences first."""
    costs = outcome.detector.fitted.costs
    one = outcome.sessions.take(np.asarray([session]))
    counts = count_matrix(vocabulary.encode(one), one.lengths, len(vocabulary))
    names = {vocabulary.unk: "keys unseen in training"}
    return {
        names.get(key, vocabulary.tokens[key]): more
        for key, more in widest_first(costs.difference(counts)[0])
    }


def most_suspect_alerts(
    outcome: DetectionOutcome, vocabulary: Vocabulary, templates: dict[str, str], limit: int
) -> list[Alert]:
    """The most suspect sessions with the surprise of each key, EOS last, and their odd counts."""
    found = []
    for session in _most_suspect(outcome, limit):
        keys = [*outcome.sessions.keys(session), EOS_TOKEN]
        events = slice(*outcome.events.offsets[session : session + 2].tolist())
        # keys before the first full window were not predicted: they show without surprise
        surprise = [0.0] * int(outcome.events.first_key[session]) + outcome.events.nll[events].tolist()
        found.append(
            Alert(
                session_id=str(outcome.sessions.ids[session]),
                label=int(outcome.sessions.labels[session]),
                score=float(outcome.scores[outcome.main_score][session]),
                threshold=outcome.threshold,
                keys=keys,
                surprise=surprise,
                descriptions=templates,
                counts=odd_counts(outcome, vocabulary, session),
            )
        )
    return found


def attention_maps(
    task: SequenceTask, datamodule: LogSessions, outcome: DetectionOutcome
) -> list[tuple[str, np.ndarray, list[str], list[str]]]:
    """(title, (T, S) weights, row labels, column labels) of some top alerts; nothing without attention."""
    weights_of = getattr(task, "attention_weights", None)
    if weights_of is None or task.batch_type is not SessionBatch:
        return []
    from seqlab.data.distinct_sessions import distinct_sessions
    from seqlab.data.padded_sessions import PaddedDataset

    short = [
        session
        for session in _most_suspect(outcome, len(outcome.sessions))
        if outcome.sessions.lengths[session] < LONGEST_HEAT_MAP
    ][:HEAT_MAPS]
    maps = []
    for session in short:
        one = outcome.sessions.take(np.asarray([session]))
        distinct = distinct_sessions(datamodule.vocabulary.encode(one), one.lengths, datamodule.vocabulary)
        dataset = PaddedDataset(
            distinct, datamodule.vocabulary, deduplicate=True, by_distinct=True, device=task.device
        )
        weights = weights_of(dataset[torch.zeros(1, dtype=torch.long)])
        if weights is None:
            return []
        labels = [*one.keys(0), EOS_TOKEN]
        kind = (
            {0: ", normal", 1: ", abnormal"}.get(int(one.labels[0]), "")
            if one.labels[0] != LABEL_UNKNOWN
            else ""
        )
        maps.append((f"{one.ids[0]}{kind}", weights[0].float().cpu().numpy(), labels, labels))
    return maps
