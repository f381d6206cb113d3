"""From a detection run to the contents of its report."""

from __future__ import annotations

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf

from seqlab.data.distinct_sessions import distinct_sessions
from seqlab.data.log_sessions import LogSessions
from seqlab.data.padded_sessions import PaddedDataset, PaddedSessions
from seqlab.data.sequences import LABEL_UNKNOWN
from seqlab.data.vocabulary import EOS_TOKEN, Vocabulary
from seqlab.detection.count_costs import widest_first
from seqlab.detection.counts import count_matrix
from seqlab.detection.evaluation import DetectionOutcome
from seqlab.report.alerts import Alert
from seqlab.report.detection import DetectionContent, write_detection_report
from seqlab.report.run_page import environment_rows, page_warnings
from seqlab.tasks.base import SequenceTask
from seqlab.training.history import History
from seqlab.training.profiling import read_profile
from seqlab.training.run_folder import RunFolder

CURVES = (
    "combined",
    "nll_max",
    "event_length_count",
    "2-gram",
)  # beside the main score's; more would hide each other
HEAT_MAPS = 4
LONGEST_HEAT_MAP = 48  # tokens a side; more do not fit a page


def write_report(
    folder: RunFolder,
    config: DictConfig,
    task: SequenceTask,
    datamodule: LogSessions,
    outcome: DetectionOutcome,
    metrics: dict[str, float],
    history: History,
) -> None:
    """Write report.html of a detection run."""
    table = outcome.result_table()
    losses: dict[str, tuple[list[float], list[float]]] = {
        name: history.series[name] for name in ("train/loss", "val/loss") if name in history.series
    }
    names = [outcome.main_score, *(name for name in outcome.scores if name != outcome.main_score)]
    content = DetectionContent(
        title=f"{folder.model_name} on {folder.data_name}",
        subtitle=f"seed {config.seed}; {table.title}",
        notices=[*page_warnings(table), *folder.notices],
        next_steps=folder.next_steps(outcome),
        metric_columns=table.columns,
        metric_rows=[*table.model_rows, *table.baseline_rows],
        emphasis=outcome.main_score,
        scores={name: (outcome.scores[name], outcome.detector.thresholds[name].value) for name in names},
        labels=outcome.sessions.labels,
        curves={
            name: (curve.false_positive_rate, curve.recall, curve.precision, curve.recall)
            for name, curve in outcome.curves.items()
            if name in CURVES or name == outcome.main_score
        },
        alerts=top_alerts(outcome, datamodule.vocabulary, datamodule.templates, config.detection.top_alerts),
        histories=losses,
        learning_rate=history.series.get("learning_rate"),
        profile=read_profile(folder.path),
        attention=attention_maps(task, datamodule, outcome),
        facts=[
            *datamodule.facts(),
            *table.notes,
            *(
                (name, f"{value:,.6g}")
                for name, value in metrics.items()
                if name.startswith(("val/", "timing/"))
            ),
        ],
        environment=environment_rows(folder),
        config_yaml=OmegaConf.to_yaml(config, resolve=True),
        loss_label="loss (nats per event)",
    )
    write_detection_report(folder.report, content)


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


def top_alerts(
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
    if weights_of is None or not isinstance(datamodule, PaddedSessions):
        return []
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
