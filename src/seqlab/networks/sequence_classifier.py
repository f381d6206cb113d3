"""Recurrent readers of a sequence's tokens; their classes' probabilities are averaged."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.data.batches import LabelledBatch
from seqlab.errors import UserError
from seqlab.networks.recurrent import Cell, Dropout, TokenNoise, check_share, check_size, sequence_layers

NGRAM_BUCKETS, NGRAM_BASE = 8192, 131
POOLINGS = ("final", "last_direction", "max", "all")


class SequenceReader(nn.Module):
    """Embedded tokens, recurrent layers, one vector of the whole sequence, a score per class.

    Padding is never read: a backward pass starts at each sequence's own last token.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        pad_id: int,
        num_classes: int,
        cell: Cell,
        embedding_size: int,
        hidden_size: int,
        num_layers: int,
        bidirectional: bool,
        pooling: str,
        dropout: float,
        embedding_dropout: float,
        ngram_size: int,
    ) -> None:
        super().__init__()
        self.pooling = pooling
        self.num_directions = 2 if bidirectional else 1
        self.embedding = nn.Embedding(vocab_size, embedding_size, padding_idx=pad_id)
        self.ngrams = nn.ModuleList(
            nn.Embedding(NGRAM_BUCKETS, embedding_size) for _ in range(ngram_size - 1)
        )
        for table in self.ngrams:  # small: most n-grams of a new sequence were seen seldom or never
            nn.init.normal_(table.weight, std=0.1)  # type: ignore[arg-type]
        self.embedding_dropout = Dropout(embedding_dropout)
        self.recurrent: Any = sequence_layers(
            cell, embedding_size, hidden_size, num_layers, dropout, bidirectional
        )
        width = {"final": self.num_directions, "last_direction": 1, "max": self.num_directions}
        width["all"] = 3 * self.num_directions
        self.dropout = Dropout(dropout)
        self.to_scores = nn.Linear(width[pooling] * hidden_size, num_classes)

    def embed(self, tokens: Tensor) -> Tensor:
        """(B, T) token ids to (B, T, E): their embeddings plus those of the n-grams that end there."""
        embedded = self.embedding(tokens)
        code = tokens
        for length, table in enumerate(self.ngrams, start=1):
            before = F.pad(tokens, (length, 0))[:, : tokens.shape[1]]
            code = (code * NGRAM_BASE + before + 1) % NGRAM_BUCKETS
            embedded = embedded + table(code)
        return embedded

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """(B, T) token ids of the given (B,) lengths to (B, C) scores."""
        embedded = self.embedding_dropout(self.embed(tokens))
        outputs, hidden, _ = self.recurrent.read(embedded, lengths)  # hidden: (layers * directions, B, H)
        final = torch.cat(list(hidden[-self.num_directions :]), dim=-1)
        if self.pooling == "final":
            return self.to_scores(self.dropout(final))
        if self.pooling == "last_direction":
            return self.to_scores(self.dropout(hidden[-1]))
        padding = (torch.arange(tokens.shape[1], device=tokens.device) >= lengths[:, None])[..., None]
        pooled = outputs.masked_fill(padding, -math.inf).amax(dim=1)
        if self.pooling == "all":
            sums = outputs.masked_fill(padding, 0).sum(dim=1)
            pooled = torch.cat([final, pooled, sums / lengths[:, None]], dim=-1)
        return self.to_scores(self.dropout(pooled))

    def make_traceable(self) -> None:
        self.recurrent = self.recurrent.reader()


class SequenceClassifier(nn.Module):
    """One or more readers of the same shape, each with a start of its own.

    Each learns alone; a sequence's probabilities are the mean of theirs (Lakshminarayanan et al., "Deep
    ensembles", NeurIPS 2017, section 2.4). conf/model/classifier.yaml says what each setting means.

    Args:
        pooling: what a sequence's vector is: ``final``, each direction's final state; ``last_direction``,
            that of the last direction alone, as the published example reads it; ``max``, the largest of each
            unit over the sequence; ``all``, final, largest and mean side by side.
        ngram_size: n-grams up to this length that end at a token have embeddings which are added to its
            own, their tables shared by hash (Bojanowski et al., TACL 2017, section 3.2); 1 for none.

    Raises:
        UserError: a setting out of range.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        pad_id: int,
        unk_id: int,
        num_classes: int,
        cell: Cell = "gru",
        embedding_size: int = 64,
        hidden_size: int = 128,
        num_layers: int = 1,
        bidirectional: bool = True,
        pooling: str = "final",
        dropout: float = 0.3,
        embedding_dropout: float = 0.2,
        token_dropout: float = 0.0,
        num_readers: int = 1,
        ngram_size: int = 1,
    ) -> None:
        super().__init__()
        check_size("embedding_size", embedding_size)
        check_size("num_readers", num_readers)
        check_size("ngram_size", ngram_size)
        check_share("dropout", dropout)
        check_share("embedding_dropout", embedding_dropout)
        if pooling not in POOLINGS:
            raise UserError(f"model.network.pooling={pooling}: choose {', '.join(POOLINGS)}")
        self.num_classes = num_classes
        self.noise = TokenNoise("token_dropout", token_dropout, unk_id)
        self.readers = nn.ModuleList(
            SequenceReader(
                vocab_size=vocab_size,
                pad_id=pad_id,
                num_classes=num_classes,
                cell=cell,
                embedding_size=embedding_size,
                hidden_size=hidden_size,
                num_layers=num_layers,
                bidirectional=bidirectional,
                pooling=pooling,
                dropout=dropout,
                embedding_dropout=embedding_dropout,
                ngram_size=ngram_size,
            )
            for _ in range(num_readers)
        )

    def forward(self, batch: LabelledBatch) -> Tensor:
        """(R, B, C) float32 log-probabilities, those of each of the R readers."""
        scores = [reader(self.noise(batch.tokens), batch.lengths) for reader in self.readers]
        return torch.stack(scores).float().log_softmax(dim=-1)


def joined(log_probabilities: Tensor) -> Tensor:
    """(B, C) log of the mean over readers of (R, B, C) probabilities."""
    return torch.logsumexp(log_probabilities, dim=0) - math.log(len(log_probabilities))
