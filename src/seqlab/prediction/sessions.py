"""``seqlab predict`` for log models: a file of sessions in, scores and alerts out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.distinct_sessions import distinct_sessions
from seqlab.data.log_sessions import ScoringPlan
from seqlab.data.padded_sessions import session_scoring_plan
from seqlab.data.parameters import ParameterNovelty
from seqlab.data.parsed_sessions import check_templates, features, read_parsed_sessions
from seqlab.data.sequences import Sessions
from seqlab.data.session_files import read_sessions
from seqlab.data.session_windows import window_scoring_plan
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.windows import distinct_pairs, index_windows
from seqlab.detection.counts import count_matrix
from seqlab.detection.session_scores import SessionScores, fitted_judge
from seqlab.detection.surprise import EventSurprise, surprise
from seqlab.errors import UserError
from seqlab.prediction.items import as_list
from seqlab.prediction.raw_logs import refuse_raw_log
from seqlab.tasks.base import SequenceTask

if TYPE_CHECKING:
    import pandas as pd

BATCH_SIZE = 1024


def predict_sessions(task: SequenceTask, baggage: dict[str, Any], path: Path) -> pd.DataFrame:
    """One row per session: its id, the main score, its threshold, alert, then every other score.

    Args:
        path: a file as ``data.normal`` takes it: ``blk_id,5 5 22``, bare keys, or a pickled dict; or a
            folder of ``seqlab parse``.

    Raises:
        UserError: a file that holds no sessions, or a checkpoint of a run that ended before its thresholds.
    """
    import pandas as pd

    judge = fitted_judge(baggage.get("judge"))
    sessions = read_any_sessions(path, baggage["data"])
    events, counts = struck(task, baggage, sessions)
    names = list(judge["thresholds"])
    scores = SessionScores.from_state(judge).scores(names, events, counts)
    main = judge["main_score"]
    threshold = judge["thresholds"][main]["value"]
    return pd.DataFrame(
        {
            "block_id": sessions.ids.astype(object),
            "alert": scores[main] > threshold,
            main: scores[main],
            "threshold": threshold,
            **{name: scores[name] for name in names if name != main},
        }
    )


def read_any_sessions(path: Path, data: dict[str, Any]) -> Sessions:
    """The sessions of a file, or of a folder that ``seqlab parse`` wrote with the templates of training.

    Args:
        data: what a checkpoint says of its data.

    Raises:
        UserError: no sessions, a raw log, or a folder whose template ids mean something else than those of
            training.
    """
    times, parameters = bool(data.get("times")), "parameters" in data
    if not path.is_dir():
        if times or parameters:
            raise UserError(
                f"{path}: the model was trained with {' and '.join(features(data))}, which only the output "
                "folder of seqlab parse has: give one"
            )
        refuse_raw_log(path, data)
        return read_sessions(path)
    parsed = read_parsed_sessions(path, times=times, parameters=parameters)
    check_templates(parsed, data.get("parser"))
    return parsed.sessions


def struck(
    task: SequenceTask, baggage: dict[str, Any], sessions: Sessions
) -> tuple[EventSurprise, NDArray[np.int32]]:
    """How S sessions struck the network, and their (S, V) key counts, as the checkpoint's ``judge`` asks."""
    judge = fitted_judge(baggage.get("judge"))
    vocabulary = Vocabulary.from_state(baggage["data"]["vocabulary"])
    tokens = vocabulary.encode(sessions)
    plan = _plan(sessions, tokens, vocabulary, baggage["data"])
    events = surprise(task, plan, vocabulary, judge["pseudo_sessions"])
    if "parameters" in baggage["data"]:
        novelty = ParameterNovelty.from_state(baggage["data"]["parameters"])
        events = replace(events, novelty=novelty.score(sessions))
    return events, count_matrix(tokens, sessions.lengths, len(vocabulary))


def _plan(
    sessions: Sessions, tokens: np.ndarray, vocabulary: Vocabulary, data: dict[str, Any]
) -> ScoringPlan:
    """Windows where the checkpoint's data had a window size, whole sessions elsewhere."""
    device = torch.device("cpu")
    if "window_size" not in data:
        distinct = distinct_sessions(tokens, sessions.lengths, vocabulary, data.get("piece_length"))
        return session_scoring_plan(distinct, vocabulary, BATCH_SIZE, device)
    index = index_windows(
        tokens, sessions.lengths, vocabulary, data["window_size"], data["context"], sessions.delays
    )
    return window_scoring_plan(index, distinct_pairs(index, len(vocabulary)), BATCH_SIZE, device)


def encoder(baggage: dict[str, Any]) -> Callable[[Any], Any]:
    """Sessions, lists of event keys, to a batch of their distinct windows, or of the distinct sessions.

    Scores of each session come from ``predict_sessions``.

    Args:
        baggage: of the checkpoint; see ``load_task``.
    """
    state = baggage["data"]
    vocabulary = Vocabulary.from_state(state["vocabulary"])

    def encode(items: Any) -> Any:
        if state.get("times"):
            raise UserError("encode: the model reads the time between events, which keys lack; use predict")
        sessions = Sessions.from_lists(as_list(items, "sessions"))
        plan = _plan(sessions, vocabulary.encode(sessions), vocabulary, state)
        return plan.loader.dataset[torch.arange(plan.num_distinct)]

    return encode
