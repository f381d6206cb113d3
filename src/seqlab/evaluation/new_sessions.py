"""New sessions for a trained log model: read as training read its own, and how surprising they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.distinct_sessions import distinct_sessions
from seqlab.data.log_sessions import ScoringPlan
from seqlab.data.padded_sessions import session_scoring_plan
from seqlab.data.parameters import ParameterNovelty
from seqlab.data.parsed_sessions import check_templates, features, read_parsed_sessions
from seqlab.data.raw_logs import refuse_raw_log_of_model
from seqlab.data.sequences import Sessions
from seqlab.data.session_files import read_sessions
from seqlab.data.session_windows import window_scoring_plan
from seqlab.data.vocabulary import Vocabulary
from seqlab.data.windows import distinct_pairs, index_windows
from seqlab.detection.counts import count_matrix
from seqlab.detection.session_scores import fitted_judge
from seqlab.detection.surprise import EventSurprise, surprise
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents
from seqlab.tasks.base import SequenceTask

BATCH_SIZE = 1024


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
        refuse_raw_log_of_model(path, data)
        return read_sessions(path)
    parsed = read_parsed_sessions(path, times=times, parameters=parameters)
    check_templates(str(path), parsed.parser, data.get("parser"))
    return parsed.sessions


def session_surprise(
    task: SequenceTask, contents: Contents, sessions: Sessions
) -> tuple[EventSurprise, NDArray[np.int32]]:
    """How surprising the events of S sessions are, and their (S, V) key counts, as the judge asks."""
    judge = fitted_judge(contents.judge)
    vocabulary = Vocabulary.from_state(contents.data["vocabulary"])
    tokens = vocabulary.encode(sessions)
    plan = new_plan(sessions, tokens, vocabulary, contents.data)
    events = surprise(task, plan, vocabulary, judge["pseudo_sessions"])
    if "parameters" in contents.data:
        novelty = ParameterNovelty.from_state(contents.data["parameters"])
        events = replace(events, novelty=novelty.score(sessions))
    return events, count_matrix(tokens, sessions.lengths, len(vocabulary))


def new_plan(
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
