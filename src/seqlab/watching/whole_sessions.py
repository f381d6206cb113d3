"""Models that read whole sessions: scored when a block is closed, many blocks at once. Needs torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import Vocabulary
from seqlab.detection.surprise import EventSurprise
from seqlab.watching.remembered import softmax

BATCH_SIZE = 1024


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

    def probabilities(self, tokens: NDArray[np.integer]) -> NDArray[np.float64]:
        """(T + 1, V) of one session's (T,) tokens and of its end."""
        import torch

        from seqlab.data.session_batches import PaddedDataset, distinct_sessions

        distinct = distinct_sessions(tokens, np.array([len(tokens)]), self.vocabulary)
        dataset = PaddedDataset(
            distinct, self.vocabulary, deduplicate=True, by_distinct=True, device=torch.device("cpu")
        )
        batch = dataset[torch.zeros(1, dtype=torch.long)]
        with torch.inference_mode():
            logits = self.task.network(batch.source, batch.decoder_input, batch.lengths, batch.mask).logits
        return softmax(logits[0].float().numpy())
