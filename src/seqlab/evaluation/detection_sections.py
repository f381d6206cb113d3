"""Pictures of a detection run for its report: scores, curves, top alerts, attention."""

from __future__ import annotations

from itertools import zip_longest

import numpy as np
import torch
from markupsafe import Markup

from seqlab.data.batches import SessionBatch
from seqlab.data.log_sessions import LogSessions
from seqlab.data.vocabulary import EOS_TOKEN
from seqlab.detection.counts import count_matrix, widest_first
from seqlab.detection.surprise import nll_max, nll_mean
from seqlab.evaluation.detection_report import DetectionOutcome
from seqlab.evaluation.detection_threshold import threshold_section
from seqlab.report.alerts import STANDS_OUT, Alert, Cause, causes_block
from seqlab.report.histogram import score_histogram
from seqlab.report.page import Section
from seqlab.report.svg import chart_grid
from seqlab.tasks.base import SequenceTask

HEAT_MAPS = 4
LONGEST_HEAT_MAP = 48  # tokens a side; more do not fit a page


def detection_sections(
    task: SequenceTask, datamodule: LogSessions, outcome: DetectionOutcome, top_alerts: int
) -> list[Section]:
    """The sections in the order of reading; the one on attention only where there is any.

    Args:
        top_alerts: alerts to show.
    """
    suspects = _most_suspect(outcome)
    return [
        threshold_section(outcome, datamodule.templates),
        scores_section(outcome),
        alerts_section(datamodule, outcome, suspects, top_alerts),
        *_attention_sections(task, datamodule, outcome, suspects),
    ]


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


def _most_suspect(outcome: DetectionOutcome) -> list[int]:
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


def _attention_sections(
    task: SequenceTask, datamodule: LogSessions, outcome: DetectionOutcome, suspects: list[int]
) -> list[Section]:
    """Where the network looked in some top alerts; nothing without attention."""
    weights_of = getattr(task, "attention_weights", None)
    short = [session for session in suspects if outcome.sessions.lengths[session] < LONGEST_HEAT_MAP]
    if weights_of is None or task.batch_type is not SessionBatch or not short:
        return []
    from seqlab.data.padded_sessions import PaddedDataset
    from seqlab.data.windows import distinct_sessions
    from seqlab.report.heat_map import heat_map
    from seqlab.report.svg import chart_row

    maps = []
    for session in short[:HEAT_MAPS]:
        one = outcome.sessions.take(np.asarray([session]))
        distinct = distinct_sessions(datamodule.vocabulary.encode(one), one.lengths, datamodule.vocabulary)
        dataset = PaddedDataset(
            distinct, datamodule.vocabulary, deduplicate=True, by_distinct=True, device=task.device
        )
        weights = weights_of(dataset[torch.zeros(1, dtype=torch.long)])
        if weights is None:
            return []
        labels = [*one.keys(0), EOS_TOKEN]
        title = str(one.ids[0]) + {0: ", normal", 1: ", abnormal"}.get(int(one.labels[0]), "")
        maps.append(
            heat_map(
                weights[0].float().cpu().numpy(),
                labels,
                labels,
                title,
                row_title="predicted key",
                column_title="key attended to",
            )
        )
    note = "Each row is one prediction, each column a key it could look at; stronger color is more weight."
    return [Section("Attention", chart_row(maps), note)]
