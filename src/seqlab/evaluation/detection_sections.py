"""Pictures of a detection run for its report: scores, curves, top alerts, attention."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import zip_longest

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from seqlab.data.log_sessions import LogSessions
from seqlab.data.vocabulary import EOS_TOKEN
from seqlab.detection.counts import count_matrix, widest_first
from seqlab.detection.surprise import nll_max, nll_mean
from seqlab.evaluation.detection_report import DetectionOutcome
from seqlab.report.alerts import STANDS_OUT, Alert, Cause, causes_block
from seqlab.report.charts import precision_recall_chart, roc_curve_chart
from seqlab.report.histogram import score_histogram
from seqlab.report.page import Section, fill
from seqlab.report.svg import chart_grid
from seqlab.report.tables import format_number, paragraph, text_table

CURVES = ("combined", "nll_max", "event_length_count", "2-gram")  # beside the main score's
LISTED = 50  # sessions missed, and false alarms
OTHERS = 200  # thresholds that a reader may try
ATTENTION = (
    "Each row is an event that is written, each column an event that was read; stronger color is more weight."
)


def detection_sections(datamodule: LogSessions, outcome: DetectionOutcome, top_alerts: int) -> list[Section]:
    """The sections in the order of reading; the one on attention only where there is any.

    Args:
        top_alerts: alerts to show.
    """
    suspects = most_suspect(outcome)
    attention = []
    if panels := outcome.heat_panels():
        from seqlab.report.heat_map import heat_maps

        attention.append(Section("Attention", heat_maps(panels), ATTENTION))
    return [
        threshold_section(outcome, datamodule.templates),
        scores_section(outcome),
        alerts_section(datamodule, outcome, suspects, top_alerts),
        *attention,
    ]


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


def scores_section(outcome: DetectionOutcome) -> Section:
    """A histogram of the main score; those of the others are folded."""
    main, *others = [
        score_histogram(
            scores[outcome.normal],
            scores[outcome.abnormal],
            outcome.detector.thresholds[name].value,
            name,
            normal_name="unlabeled" if outcome.unlabelled else "normal",
            role="scores" if name == outcome.main_score else "",
        )
        for name, scores in sorted(outcome.scores.items(), key=lambda each: each[0] != outcome.main_score)
    ]
    share = (
        "Share of all sessions per bin; none is labeled."
        if outcome.unlabelled
        else "Share of each class per bin."
    )
    body = chart_grid([main])
    if others:
        summary = f"The other scores ({len(others)})"
        body += Markup("<details><summary>{}</summary>{}</details>").format(summary, chart_grid(others))
    return Section("Scores", body, f"{share} A score right of the threshold raises an alert.")


def alerts_section(
    datamodule: LogSessions, outcome: DetectionOutcome, suspects: list[int], top_alerts: int
) -> Section:
    """Alerts by what surprised most in them; of each cause the most suspect ones are shown.

    Args:
        suspects: all alerts, the most suspect first.
        top_alerts: cards to show, dealt to the causes in turn.
    """
    nats, keys = nll_max(outcome.events), outcome.worst_keys
    members: dict[str, list[int]] = {}
    for session in suspects:
        members.setdefault(keys[session] if nats[session] >= STANDS_OUT else "", []).append(session)
    ranked = [session for turn in zip_longest(*members.values()) for session in turn if session is not None]
    shown = set(ranked[:top_alerts])
    causes = [
        Cause(
            key,
            datamodule.templates.get(key, ""),
            [int(outcome.sessions.labels[session]) for session in those],
            [_alert(datamodule, outcome, session) for session in those if session in shown],
        )
        for key, those in members.items()
    ]
    left = f"{len(shown)} of {len(suspects):,} are shown here, scores.csv holds all." if causes else ""
    note = f"By what surprised the model most in them, the most suspect first. {left}" if causes else ""
    return Section("Alerts", causes_block(causes), note)


def most_suspect(outcome: DetectionOutcome) -> list[int]:
    """Alerts by falling main score; equal scores in the order of their mean surprise."""
    order = np.lexsort((-nll_mean(outcome.events), -outcome.scores[outcome.main_score]))
    return [session for session in order.tolist() if outcome.alerts[session]]


def _alert(datamodule: LogSessions, outcome: DetectionOutcome, session: int) -> Alert:
    """A test session with the surprise of each key, EOS last, and its odd counts."""
    events, vocabulary = outcome.events, datamodule.vocabulary
    one = outcome.sessions.take(np.asarray([session]))
    counts = count_matrix(vocabulary.encode(one), one.lengths, len(vocabulary))[0]
    names = {vocabulary.unk: "keys unseen in training"}
    first, end = events.offsets[session : session + 2].tolist()
    return Alert(
        session_id=str(one.ids[0]),
        label=int(one.labels[0]),
        score=float(outcome.scores[outcome.main_score][session]),
        threshold=outcome.threshold,
        keys=[*one.keys(0), EOS_TOKEN],
        # keys before the first full window were not predicted: they show without surprise
        surprise=[0.0] * int(events.first_key[session]) + events.nll[first:end].tolist(),
        descriptions=datamodule.templates,
        counts={
            names.get(key, vocabulary.tokens[key]): more
            for key, more in widest_first(outcome.detector.fitted.costs.difference(counts))
        },
        num_events=int(one.lengths[0]),
    )
