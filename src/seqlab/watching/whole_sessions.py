"""Models that read whole sessions: scored when a block is closed, many blocks at once. Needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.surprise import EventSurprise
from seqlab.watching.remembered import softmax

BATCH_SIZE = 256


class SessionScorer:
    """Surprise of whole sessions by a task such as that of ``model=gru_ae``."""

    def __init__(self, task: Any, vocabulary: Vocabulary, pseudo_sessions: float) -> None:
        self.task = task
        self.vocabulary = vocabulary
        self.pseudo_sessions = pseudo_sessions

    def surprise(self, tokens: NDArray[np.integer], lengths: NDArray[np.int64]) -> EventSurprise:
        """Of S sessions, their ends included.

        Args:
            tokens: (N,) vocabulary ids, session after session.
            lengths: (S,)
        """
        import torch

        from seqlab.data.session_batches import distinct_sessions, session_scoring_plan
        from seqlab.detection.surprise import surprise

        distinct = distinct_sessions(tokens, lengths, self.vocabulary)
        plan = session_scoring_plan(distinct, self.vocabulary, BATCH_SIZE, torch.device("cpu"))
        return surprise(self.task, plan, self.vocabulary, self.pseudo_sessions)

    def probabilities(
        self, sessions: Sequence[NDArray[np.integer]], places: Sequence[int]
    ) -> NDArray[np.float64]:
        """(C, V) at one place of each of C sessions; a place may be a session's end."""
        import torch

        from seqlab.data.session_batches import PaddedDataset, distinct_sessions

        lengths = np.asarray([len(tokens) for tokens in sessions], dtype=np.int64)
        distinct = distinct_sessions(np.concatenate(sessions), lengths, self.vocabulary)
        dataset = PaddedDataset(
            distinct, self.vocabulary, deduplicate=True, by_distinct=True, device=torch.device("cpu")
        )
        order = np.argsort(lengths, kind="stable")  # sessions of a batch are padded to its longest
        found = np.empty((len(sessions), len(self.vocabulary)))
        for first in range(0, len(order), BATCH_SIZE):
            part = order[first : first + BATCH_SIZE]
            batch = dataset[torch.from_numpy(distinct.distinct_of_session[part])]
            with torch.inference_mode():
                logits = self.task.network(
                    batch.source, batch.decoder_input, batch.lengths, batch.mask
                ).logits
            at = torch.tensor([places[session] for session in part.tolist()])
            found[part] = softmax(logits[torch.arange(len(part)), at].float().numpy())
        return found
