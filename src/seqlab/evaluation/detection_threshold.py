"""What the threshold of a detection run finds and misses, and what others would."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from seqlab.detection.surprise import nll_max
from seqlab.evaluation.detection_report import DetectionOutcome
from seqlab.report.charts import precision_recall_chart, roc_curve_chart
from seqlab.report.page import Section, fill
from seqlab.report.svg import chart_grid
from seqlab.report.tables import format_number, paragraph, text_table

if TYPE_CHECKING:
    from collections.abc import Mapping

CURVES = ("combined", "nll_max", "event_length_count", "2-gram")  # beside the main score's
LISTED = 50  # sessions missed, and false alarms
OTHERS = 200  # thresholds that a reader may try


def threshold_section(outcome: DetectionOutcome, templates: Mapping[str, str]) -> Section:
    """The four counts, both curves with the point of the threshold, missed sessions and false alarms."""
    title = "What the threshold finds"
    if not outcome.curves:
        what = "labels" if outcome.unlabelled else "labels of both kinds"
        return Section(
            title, paragraph(f"Not known: it takes known normal and abnormal sessions; there are no {what}.")
        )
    scores, abnormal, normal = outcome.scores[outcome.main_score], outcome.abnormal, outcome.normal
    alerts = outcome.alerts
    hits, false = int((alerts & abnormal).sum()), int((alerts & normal).sum())
    body = fill(
        "threshold",
        data=other_thresholds(scores, abnormal, normal, outcome.threshold),
        counts=[hits, int(abnormal.sum()) - hits, false, int(normal.sum()) - false],
        alerts=hits + false,
        threshold=outcome.threshold,
        figures=[
            (name, key, outcome.metrics.get(f"test/{figure}"), decimals)
            for name, key, figure, decimals in (
                ("precision", "precision", "precision", 4),
                ("recall", "recall", "recall", 4),
                ("F1", "f1", "f1", 4),
                ("false positive rate", "rate", "false_positive_rate", 5),
            )
        ],
        score=outcome.main_score,
        number=format_number,
    )
    body += chart_grid(_curves(outcome, hits, false))
    body += _sessions("Missed sessions", abnormal & ~alerts, outcome, templates)
    body += _sessions("False alarms", normal & alerts, outcome, templates)
    note = (
        f"On the test split, by the score `{outcome.main_score}`: found are abnormal sessions that are "
        "alerts, false alarms normal ones."
    )
    return Section(title, body, note)


def other_thresholds(
    scores: NDArray[np.float64], abnormal: NDArray[np.bool_], normal: NDArray[np.bool_], chosen: float
) -> str:
    """JSON of what other thresholds would find among (S,) scores: denser where few sessions are alerts."""
    falling = np.sort(scores[np.isfinite(scores) & (abnormal | normal)])[::-1]
    ranks = np.unique(np.geomspace(1, max(len(falling), 1), OTHERS).astype(int)) - 1
    values = np.unique(np.append(falling[ranks] if len(falling) else [], chosen))
    values = values[np.isfinite(values)]
    above = [
        len(part) - np.searchsorted(part, values, side="right")
        for part in (np.sort(scores[abnormal]), np.sort(scores[normal]))
    ]
    record = {
        "values": values.tolist(),
        "found": above[0].tolist(),
        "wrong": above[1].tolist(),
        "abnormal": int(abnormal.sum()),
        "normal": int(normal.sum()),
        "chosen": int(np.searchsorted(values, chosen)),
    }
    return json.dumps(record, separators=(",", ":")) if np.isfinite(chosen) else ""


def _curves(outcome: DetectionOutcome, hits: int, false: int) -> list[Markup]:
    names = dict.fromkeys((outcome.main_score, *(name for name in CURVES if name in outcome.curves)))
    shown = {name: outcome.curves[name] for name in names}
    abnormal, normal = int(outcome.abnormal.sum()), int(outcome.normal.sum())
    recall = hits / abnormal
    return [
        roc_curve_chart(
            {name: (curve.false_positive_rate, curve.recall) for name, curve in shown.items()},
            chosen=(false / normal, recall),
            num_negative=normal,
        ),
        precision_recall_chart(
            {name: (curve.precision, curve.recall) for name, curve in shown.items()},
            prevalence=abnormal / (abnormal + normal),
            chosen=(recall, hits / (hits + false)) if hits + false else None,
        ),
    ]


def _sessions(
    title: str, chosen: NDArray[np.bool_], outcome: DetectionOutcome, templates: Mapping[str, str]
) -> Markup:
    """Some sessions with what surprised most in each, folded; the highest scores first."""
    number = int(chosen.sum())
    if not number:
        return Markup("<p><b>{}:</b> none.</p>").format(title)
    scores, sessions = outcome.scores[outcome.main_score], outcome.sessions
    order = [session for session in np.argsort(-scores, kind="stable").tolist() if chosen[session]][:LISTED]
    keys, nats = outcome.worst_keys, nll_max(outcome.events)
    rows = [
        (
            str(sessions.ids[session]),
            format_number(float(scores[session])),
            f"{int(sessions.lengths[session]):,}",
            f"{keys[session]} ({format_number(float(nats[session]), digits=3)} nats)",
            templates.get(keys[session], ""),
        )
        for session in order
    ]
    columns = (
        "session",
        f"score (threshold {format_number(outcome.threshold)})",
        "events",
        "most surprising",
    )
    known = any(row[-1] for row in rows)
    table = (
        text_table((*columns, "its message"), rows) if known else text_table(columns, [r[:-1] for r in rows])
    )
    said = f"{title} ({number:,}{f', the {LISTED} of the highest scores' if number > LISTED else ''})"
    return Markup("<details><summary>{}</summary>{}</details>").format(said, table)
