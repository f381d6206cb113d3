"""A bidirectional LSTM over words, their letters and their shapes; a score per token and tag."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from seqlab.data.batches import TagBatch
from seqlab.errors import UserError
from seqlab.networks.crf import IndependentTags, LinearChainCRF
from seqlab.networks.recurrent import Cell, Dropout, TokenNoise, check_share, check_size, sequence_layers


class CharacterCNN(nn.Module):
    """The largest response of each filter over a word's letters (Ma & Hovy, ACL 2016, section 2.1).

    Every word is read between two blanks, so that a filter sees where it begins and ends.
    """

    def __init__(self, num_characters: int, pad_id: int, embedding_size: int, output_size: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_characters, embedding_size, padding_idx=pad_id)
        self.convolution = nn.Conv1d(embedding_size, output_size, kernel_size=3, padding=1)

    def forward(self, letters: Tensor, counts: Tensor) -> Tensor:
        """(U, L) int64 letters of U words, (U,) how many each has, to (U, output_size)."""
        responses = self.convolution(self.embedding(letters).transpose(1, 2))  # (U, output_size, L)
        steps = torch.arange(letters.shape[1], device=letters.device)
        padding = steps >= counts[:, None]
        return responses.masked_fill(padding[:, None, :], -torch.inf).amax(dim=2)


class Tagger(nn.Module):
    """BiLSTM, BiLSTM-CRF (Lample et al., NAACL 2016; Ma & Hovy, ACL 2016).

    Padding is never read. Letters are encoded once per distinct word of a batch. conf/model/tagger.yaml says
    what each setting means.

    Args:
        first_singleton_id: words from here on occurred once in training.
        tags_are_bio: a CRF then gives sequences that BIO forbids no probability.
        vectors: a GloVe text file that training starts from; the data reads it, never the network, and a
            checkpoint holds the weights themselves.
        singleton_dropout: share of the training words that occurred once, replaced by UNK while training:
            else UNK would never be trained (Lample et al., section 4.3).
        word_dropout: the same share of all words, frequent ones too: where words to be tagged are new, what
            stands around a word, its letters and its shape must do.
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        pad_id: int,
        unk_id: int,
        first_singleton_id: int,
        num_characters: int,
        num_shapes: int,
        num_tags: int,
        tags_are_bio: bool = True,
        crf: bool = True,
        char_encoder: str = "cnn",
        char_embedding_size: int = 25,
        char_size: int = 50,
        shape_size: int = 8,
        embedding_size: int = 100,
        vectors: str | None = None,
        cell: Cell = "lstm",
        hidden_size: int = 100,
        num_layers: int = 1,
        dropout: float = 0.5,
        singleton_dropout: float = 0.5,
        word_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_size("embedding_size", embedding_size)
        check_share("dropout", dropout)
        check_share("singleton_dropout", singleton_dropout)
        if char_encoder not in ("cnn", "none"):
            raise UserError(f"model.network.char_encoder={char_encoder}: choose cnn or none")
        if not isinstance(shape_size, int) or shape_size < 0:
            raise UserError(f"model.network.shape_size={shape_size}: give a whole number, 0 for no shapes")
        self.unk_id = unk_id
        self.first_singleton_id = first_singleton_id
        self.singleton_dropout = singleton_dropout
        self.word_noise = TokenNoise("word_dropout", word_dropout, unk_id)
        self.embedding_size = embedding_size
        self.vectors = vectors
        self.num_tags = num_tags
        self.tags_are_bio = tags_are_bio
        self.word_embedding = nn.Embedding(vocab_size, embedding_size, padding_idx=pad_id)
        bound = math.sqrt(3 / embedding_size)  # variance 1 over a whole vector, as vectors from files have
        with torch.no_grad():
            self.word_embedding.weight.uniform_(-bound, bound)[pad_id] = 0
        self.characters = None
        if char_encoder == "cnn":
            check_size("char_embedding_size", char_embedding_size)
            check_size("char_size", char_size)
            self.characters = CharacterCNN(num_characters, pad_id, char_embedding_size, char_size)
        self.shape_embedding = nn.Embedding(num_shapes, shape_size) if shape_size else None
        width = embedding_size + shape_size + (char_size if self.characters is not None else 0)
        self.dropout = Dropout(dropout)
        self.recurrent: Any = sequence_layers(
            cell, width, hidden_size, num_layers, dropout, bidirectional=True
        )
        self.to_scores = nn.Linear(2 * hidden_size, num_tags)
        self.output: LinearChainCRF | IndependentTags = (
            LinearChainCRF(num_tags, bio=tags_are_bio) if crf else IndependentTags()
        )

    @torch.no_grad()
    def set_word_vectors(self, ids: Tensor, vectors: Tensor) -> None:
        """Start the words with the given (M,) ids from (M, embedding_size) vectors."""
        self.word_embedding.weight[ids] = vectors.to(self.word_embedding.weight)

    def forward(self, batch: TagBatch) -> Tensor:
        """(B, T, N) float32 scores; those under padding mean nothing."""
        features = self.dropout(self.read_words(batch))
        return self.to_scores(self.dropout(self.recurrent.read(features, batch.lengths).outputs)).float()

    def make_traceable(self) -> None:
        self.recurrent = self.recurrent.reader()

    def read_words(self, batch: TagBatch) -> Tensor:
        """(B, T, width) word embeddings, spelled words and shapes side by side."""
        parts = [self.word_embedding(self.word_noise(self._drop_singletons(batch.words)))]
        if self.characters is not None:
            spelled = self.characters(batch.letters, batch.letter_counts)  # (U, char_size)
            parts.append(spelled[batch.spelling])
        if self.shape_embedding is not None:
            parts.append(self.shape_embedding(batch.shapes))
        return torch.cat(parts, dim=-1)

    def _drop_singletons(self, words: Tensor) -> Tensor:
        if not self.training or self.singleton_dropout == 0:
            return words
        hit = torch.rand(words.shape, device=words.device) < self.singleton_dropout
        return words.masked_fill(hit & (words >= self.first_singleton_id), self.unk_id)
