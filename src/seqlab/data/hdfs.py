"""DataModules of log sessions: windows that predict the next key, and whole padded sessions."""

from __future__ import annotations

from typing import Any, ClassVar

from torch.utils.data import DataLoader

from seqlab.data.batches import SessionBatch, WindowBatch
from seqlab.data.distinct_sessions import DistinctSessions, distinct_sessions
from seqlab.data.log_sessions import LogSessions
from seqlab.data.scoring import ScoringPlan
from seqlab.data.session_batches import PaddedDataset, session_scoring_plan, session_training_loader
from seqlab.data.window_batches import WindowDataset, window_scoring_plan, window_training_loader
from seqlab.data.windows import DistinctPairs, WindowIndex, check_windows, distinct_pairs, index_windows


class HdfsWindows(LogSessions):
    """Windows of ``window_size`` keys and the key that comes next (Du et al., DeepLog, CCS 2017).

    Windows of a session longer than ``piece_length`` may be in several batches; nothing else changes.

    Args:
        window_size: W, keys that the network sees.
        context: ``from_start`` predicts every key of a session; ``full_windows`` only those with W before.
        times: windows hold the time between events, too, on a logarithmic scale; needs ``sessions``.
        **settings: those of LogSessions.
    """

    batch_type: ClassVar[type] = WindowBatch
    train_unit: ClassVar[str] = "windows"

    def __init__(
        self, *, window_size: int = 16, context: str = "from_start", times: bool = False, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self.times = times
        check_windows(window_size, context)
        self.window_size = window_size
        self.context = context

    def index(self, split: str) -> tuple[WindowIndex, DistinctPairs]:
        """The windows of a split and the distinct pairs among them."""
        sessions = self.sessions(split)
        index = index_windows(
            self.tokens(split),
            sessions.lengths,
            self.vocabulary,
            self.window_size,
            self.context,
            sessions.delays,
        )
        return index, distinct_pairs(index, len(self.vocabulary))

    def train_dataloader(self) -> DataLoader:
        index, pairs = self.index("train")
        self._distinct = (
            f"{index.num_windows:,}; {len(pairs.contexts):,} distinct, {pairs.num_pairs:,} with the next key"
        )
        run = self.piece_length
        dataset = WindowDataset(index, pairs, run, deduplicate=self.deduplicate, device=self.device)
        return window_training_loader(
            dataset, self.window_size, self.training_batch_size(), self.batch_tokens, self.seed
        )

    def _make_plan(self, split: str) -> ScoringPlan:
        index, pairs = self.index(split)
        return window_scoring_plan(index, pairs, self.scoring_batch_size, self.device, self.batch_tokens)

    def state(self) -> dict[str, Any]:
        return super().state() | {"window_size": self.window_size, "context": self.context}


class HdfsPadded(LogSessions):
    """Whole sessions, padded to the longest of their batch.

    A session longer than ``piece_length`` is read in pieces, each as if a session of its own, and scored by
    the tokens of all: a state of fixed size does not hold it, and attention costs the square of its length.

    Args:
        bucketing: batches of sessions of similar length, so that little of a batch is padding.
        **settings: those of LogSessions.
    """

    batch_type: ClassVar[type] = SessionBatch
    train_unit: ClassVar[str] = "tokens"

    def __init__(self, *, bucketing: bool = True, **settings: Any) -> None:
        super().__init__(**settings)
        self.bucketing = bucketing

    def distinct(self, split: str) -> DistinctSessions:
        """The distinct sessions of a split, long ones in pieces."""
        lengths = self.sessions(split).lengths
        return distinct_sessions(self.tokens(split), lengths, self.vocabulary, self.piece_length)

    def train_dataloader(self) -> DataLoader:
        distinct = self.distinct("train")
        self._distinct = (
            f"{int(distinct.piece_lengths.sum()):,} with ends; "
            f"{len(distinct.lengths):,} distinct sessions with {int(distinct.lengths.sum()):,}"
        )
        dataset = PaddedDataset(
            distinct, self.vocabulary, deduplicate=self.deduplicate, by_distinct=False, device=self.device
        )
        how = self.training_batch_size(), self.batch_tokens, self.seed
        return session_training_loader(dataset, *how, bucketing=self.bucketing)

    def _make_plan(self, split: str) -> ScoringPlan:
        how = self.scoring_batch_size, self.device, self.batch_tokens
        return session_scoring_plan(self.distinct(split), self.vocabulary, *how)
