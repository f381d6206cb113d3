"""The encoder-decoder Transformer: one sequence into another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqlab.networks.decoders import Memory
from seqlab.networks.recurrent import Dropout, check_share, check_size
from seqlab.networks.rotary import Turns, turns
from seqlab.networks.seq2seq import Readouts, ScaledEmbedding, step_by_step, tied_embeddings
from seqlab.networks.transformer import Block, Held, check_transformer, initialize, split_heads


class Written(NamedTuple):
    """Keys and values of the T tokens that N hypotheses have written, of L layers."""

    keys: Tensor  # (L, N, h, T, D)
    values: Tensor  # (L, N, h, T, D)


@dataclass(frozen=True)
class Attending:
    """What the decoder gives for B pairs; the attention is computed where somebody reads it."""

    readout: Tensor  # (B, T, R) to be read by ``network.output``
    queries: Tensor  # (B, h, T, D) of the last layer
    keys: Tensor  # (B, h, S, D)
    mask: Tensor  # (B, S) True on real source tokens

    @property
    def attention(self) -> Tensor:
        """(B, T, S) weights of each written token over the read ones, the mean of the last layer's heads."""
        scores = self.queries @ self.keys.transpose(2, 3) / math.sqrt(self.keys.shape[-1])
        return scores.masked_fill(~self.mask[:, None, None], -math.inf).softmax(dim=-1).mean(dim=1)


class CrossAttention(nn.Module):
    """Written tokens read the source; places are not told: where a word stands differs by language."""

    def __init__(self, width: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.queries = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, steps: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """What (N, T, H) steps read of B sources, and their queries (B, h, N / B * T, D).

        N is B, or B * K: the K hypotheses of a source are then its steps.
        """
        queries = split_heads(self.queries(steps).reshape(mask.shape[0], -1, steps.shape[2]), self.num_heads)
        read = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask[:, None, None])
        return self.output(read.transpose(1, 2).reshape(steps.shape)), queries


class DecoderBlock(Block):
    """A causal block that reads the source between its attention and its feed-forward layers."""

    def __init__(self, width: int, num_heads: int, inner: int, dropout: float) -> None:
        super().__init__(width, num_heads, inner, dropout)
        self.cross_norm = nn.LayerNorm(width)
        self.cross_attention = CrossAttention(width, num_heads)

    def write(
        self,
        steps: Tensor,
        places: Turns,
        mask: Tensor | None,
        is_causal: bool,
        held: Held,
        source: tuple[Tensor, Tensor, Tensor],
    ) -> tuple[Tensor, Held, Tensor]:
        """(N, T, H) steps on, what is held then, and the queries to the source.

        Args:
            source: keys and values of this layer, and the mask.
        """
        read, known = self.attention(self.attention_norm(steps), places, mask, is_causal, held)
        steps = steps + self.dropout(read)
        found, queries = self.cross_attention(self.cross_norm(steps), *source)
        steps = steps + self.dropout(found)
        return steps + self.dropout(self.feed_forward(self.feed_forward_norm(steps))), known, queries


class TransformerEncoder(nn.Module):
    """Bidirectional blocks over embedded tokens; padding is never read."""

    def __init__(
        self,
        embedding: ScaledEmbedding,
        width: int,
        num_heads: int,
        inner: int,
        num_layers: int,
        dropout: float,
        embedding_dropout: float,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.embedding_dropout = Dropout(embedding_dropout)
        self.blocks = nn.ModuleList(Block(width, num_heads, inner, dropout) for _ in range(num_layers))
        self.norm = nn.LayerNorm(width)
        self.head_size = width // num_heads
        initialize(self.blocks, 2 * num_layers)

    def forward(self, source: Tensor, is_real: Tensor) -> Tensor:
        """(B, S) ids, (B, S) bool, True where they are real, to (B, S, H)."""
        places = turns(source.shape[1], self.head_size, source)
        steps = self.embedding_dropout(self.embedding(source))
        for block in self.blocks:
            steps, _ = block(steps, places, is_real[:, None, None], False)
        return self.norm(steps)


class TransformerDecoder(nn.Module):
    """Causal blocks that read the source, and the output layer."""

    def __init__(
        self,
        embedding: ScaledEmbedding,
        width: int,
        num_heads: int,
        inner: int,
        num_layers: int,
        dropout: float,
        embedding_dropout: float,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.embedding_dropout = Dropout(embedding_dropout)
        self.num_layers, self.num_heads = num_layers, num_heads
        self.head_size = width // num_heads
        self.source_keys_values = nn.Linear(width, 2 * num_layers * width)
        self.blocks: Any = nn.ModuleList(
            DecoderBlock(width, num_heads, inner, dropout) for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, embedding.num_embeddings)
        nn.init.zeros_(self.output.bias)
        initialize(self.blocks, 3 * num_layers)

    def remember(self, projected: Tensor, mask: Tensor) -> Memory:
        """What all steps read: (B, S, 2 L H), which ``source_keys_values`` gave, and the mask of real tokens.

        ``Memory.projected`` is (B, 2 L h, S, D): the keys of each layer, then its values.
        """
        return Memory(projected, mask, split_heads(projected, 2 * self.num_layers * self.num_heads))

    def nothing_written(self, num_rows: int, like: Tensor) -> Written:
        """The state before the first token."""
        empty = like.new_zeros(self.num_layers, num_rows, self.num_heads, 0, self.head_size)
        return Written(empty, empty)

    def readout(
        self, inputs: Tensor, state: tuple[Tensor, Tensor], memory: Memory
    ) -> tuple[Tensor, None, Written]:
        """Write (N, T) tokens behind those of the state: (N, T, H) readouts, None, the state after them.

        N is the number B of sources, or a multiple, K hypotheses of each beside each other.
        """
        readout, held, _ = self.run(inputs, state, memory)
        return readout, None, Written(*(torch.stack(parts) for parts in zip(*held, strict=True)))

    def run(
        self, inputs: Tensor, state: tuple[Tensor, Tensor], memory: Memory
    ) -> tuple[Tensor, list[Held], Tensor]:
        """``readout``, with what each layer holds, and the last one's queries to the source."""
        assert memory.projected is not None
        num_before, num_steps = state[0].shape[3], inputs.shape[1]
        places = turns(num_before + num_steps, self.head_size, inputs)
        mask, is_causal = None, bool(num_steps > 1 and num_before == 0)
        if num_steps > 1 and num_before > 0:
            mask = torch.ones(num_steps, num_before + num_steps, dtype=torch.bool, device=inputs.device)
            mask = mask.tril(num_before)
        source = memory.projected.unflatten(1, (self.num_layers, 2, self.num_heads)).unbind(1)
        steps = self.embedding_dropout(self.embedding(inputs))
        known = []
        for block, keys, values, sources in zip(self.blocks, *state, source, strict=True):
            read = sources[:, 0], sources[:, 1], memory.mask
            steps, held, queries = block.write(steps, places, mask, is_causal, Held(keys, values), read)
            known.append(held)
        return self.norm(steps), known, queries


class Seq2SeqTransformer(nn.Module):
    """Vaswani et al., "Attention is all you need" (NeurIPS 2017), with today's habits.

    Blocks normalize first (Xiong et al., ICML 2020); places are told by turning queries and keys (RoPE: Su et
    al., 2021) and within a sequence alone; weights are those of embedding and output at once (Press and Wolf,
    EACL 2017). The settings are explained in conf/model/transformer.yaml.

    Raises:
        UserError: a size or probability out of range; heads that do not divide the width; ``tie=all`` without
            a joint vocabulary.
    """

    def __init__(
        self,
        source_vocab_size: int,
        target_vocab_size: int,
        pad_id: int,
        bos_id: int,
        eos_id: int,
        *,
        hidden_size: int = 256,
        num_heads: int = 4,
        encoder_layers: int = 3,
        decoder_layers: int = 3,
        feed_forward_size: int | None = None,
        dropout: float = 0.1,
        embedding_dropout: float = 0.1,
        tie: str = "decoder",
        joint_vocabulary: bool = True,
    ) -> None:
        super().__init__()
        inner = check_transformer(hidden_size, num_heads, dropout, feed_forward_size)
        check_size("encoder_layers", encoder_layers)
        check_size("decoder_layers", decoder_layers)
        check_share("embedding_dropout", embedding_dropout)
        self.pad_id, self.bos_id, self.eos_id = pad_id, bos_id, eos_id
        tables = tied_embeddings(
            tie, source_vocab_size, target_vocab_size, hidden_size, pad_id, joint_vocabulary
        )
        for table in tables:
            table.start_short()
            table.read_at_unit_variance()
        shape = hidden_size, num_heads, inner
        source, target = tables
        self.encoder = TransformerEncoder(source, *shape, encoder_layers, dropout, embedding_dropout)
        self.decoder = TransformerDecoder(target, *shape, decoder_layers, dropout, embedding_dropout)
        if tie != "none":
            self.decoder.output.weight = target.weight

    @property
    def output(self) -> nn.Linear:
        """(..., H) readouts to (..., V) logits."""
        return self.decoder.output

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Memory, Written]:
        """Read (B, S) source ids of (B,) lengths; gives what the decoder reads, and its first state."""
        mask = torch.arange(source.shape[1], device=source.device) < lengths[:, None]
        outputs = self.encoder(source, mask)
        memory = self.decoder.remember(self.decoder.source_keys_values(outputs), mask)
        return memory, self.decoder.nothing_written(source.shape[0], outputs)

    def forward(
        self,
        source: Tensor,
        source_lengths: Tensor,
        decoder_input: Tensor,
        teacher_forcing_ratio: float = 1.0,
    ) -> Attending | Readouts:
        """As ``Seq2Seq``: below 1 one token after the other is written, on cached keys and values."""
        memory, state = self.encode(source, source_lengths)
        if teacher_forcing_ratio < 1:
            return step_by_step(self.decoder, state, memory, decoder_input, teacher_forcing_ratio)
        readout, _, queries = self.decoder.run(decoder_input, state, memory)
        assert memory.projected is not None
        keys = memory.projected[:, -2 * queries.shape[1] : -queries.shape[1]]  # of the last layer
        return Attending(readout, queries, keys, memory.mask)
