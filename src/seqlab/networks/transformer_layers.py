"""Transformer layers in the place of recurrent ones: any network of seqlab by ``layers=transformer``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqlab.errors import UserError
from seqlab.networks.contracts import Reading, SequenceLayers
from seqlab.networks.recurrent import check_share
from seqlab.networks.rotary import turns
from seqlab.networks.transformer import Block, Held, check_transformer, initialize


class TransformerLayers(SequenceLayers):
    """Pre-norm blocks with rotary positions and a last norm (networks/transformer.py), causal or not.

    A causal step reads itself and the ``context_size - 1`` steps before it. So many keys and values are the
    state: a text of any length is read in pieces and written step by step, with the numbers of one long pass,
    in memory that does not grow. Where a piece trains with the state of the one before, this is the
    recurrence of Transformer-XL (Dai et al., ACL 2019, section 3.2).

    Both directions are not two networks side by side but one that reads every step, twice as wide.

    Args:
        hidden_size: H; the layers are D * H wide.
        num_heads: of attention; each has an even number of these.
        feed_forward_size: inside the feed-forward layers; None for four times the width.
        context_size: steps that a causal step reads, itself among them.
        max_dropout: the most of ``dropout`` within the blocks; a tenth is the first Transformer's.

    Raises:
        UserError: a size or probability out of range; heads that do not divide the width.
    """

    unit_inputs = True  # blocks add to them

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        num_heads: int = 4,
        feed_forward_size: int | None = None,
        context_size: int = 256,
        max_dropout: float = 0.1,
    ) -> None:
        super().__init__()
        check_share("cell.max_dropout", max_dropout)
        width = hidden_size * (2 if bidirectional else 1)
        inner = check_transformer(width, num_heads, dropout, feed_forward_size)
        if not isinstance(context_size, int) or context_size < 2:
            raise UserError(
                f"model.network.cell.context_size={context_size}: give a whole number, at least 2 steps"
            )
        self.hidden_size, self.num_layers, self.bidirectional = hidden_size, num_layers, bidirectional
        inside = min(dropout, max_dropout)
        self.head_size = width // num_heads
        self.reach = context_size
        self.always_masks = False  # what a tracer follows does not depend on lengths
        self.project = nn.Identity() if input_size == width else nn.Linear(input_size, width)
        self.blocks = nn.ModuleList(Block(width, num_heads, inner, inside) for _ in range(num_layers))
        self.norm = nn.LayerNorm(width)
        initialize(self.blocks, 2 * num_layers)

    def forward(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """(B, T, E) inputs to (B, T, D * H) and the state; both directions have none.

        The state is (1, B, K), positive where a step is held and 0 where none is, then of each layer the keys
        and the values, (1, B, h, K, H / h) each; K is at most ``context_size - 1``.
        """
        if self.bidirectional:
            return self._run(inputs, None, [], False)[0], None
        num_before = 0 if state is None else state[0].shape[2]
        # all are 1; exporters would take ones_like for a constant, of the size of their example
        is_held = inputs[None, :, :, 0].abs().ge(0).to(inputs.dtype)
        before: list[Held] = []
        if state is not None:
            is_held = torch.cat((state[0], is_held), dim=2)
            before = [Held(keys[0], values[0]) for keys, values in zip(state[1::2], state[2::2], strict=True)]
        outputs, known = self._run(inputs, self._mask(is_held[0], num_before), before, True)
        kept = (self._latest(part[None], 3) for held in known for part in held)
        return outputs, (self._latest(is_held, 2), *kept)

    def read(self, inputs: Tensor, lengths: Tensor) -> Reading:
        """Read (B, T, E) inputs of (B,) lengths.

        ``hidden`` is (D, B, H): of a forward direction the outputs at the last step; of both, the first half
        of these and the second half of those at the first step.
        """
        if not self.bidirectional:  # padding comes after all that is real
            return super().read(inputs, lengths)
        is_real = torch.arange(inputs.shape[1], device=inputs.device) < lengths[:, None]  # (B, T)
        outputs, _ = self._run(inputs, is_real[:, None, None], [], False)
        last = (lengths - 1)[:, None, None].expand(-1, 1, self.hidden_size)
        forward, backward = outputs.chunk(2, dim=-1)
        hidden = torch.stack((forward.gather(1, last)[:, 0], backward[:, 0]))
        return Reading(outputs * is_real[..., None], hidden)

    def make_traceable(self) -> None:
        self.always_masks = True

    def _run(
        self, inputs: Tensor, mask: Tensor | None, before: list[Held], is_causal: bool
    ) -> tuple[Tensor, list[Held]]:
        """Outputs, and keys and values of each layer."""
        num_before = before[0].keys.shape[2] if before else 0
        places = turns(num_before + inputs.shape[1], self.head_size, inputs)
        steps = self.project(inputs)
        known = []
        for number, block in enumerate(self.blocks):
            steps, held = block(steps, places, mask, is_causal, before[number] if before else None)
            known.append(held)
        return self.norm(steps), known

    def _mask(self, is_held: Tensor, num_before: int) -> Tensor | None:
        """What each of T steps reads of (B, K + T) places, as ``SelfAttention``; None: all before it."""
        if not self.always_masks and num_before == 0 and is_held.shape[1] <= self.reach:
            return None
        places = torch.arange(is_held.shape[1], device=is_held.device)
        distance = places[num_before:, None] - places
        mask = (distance >= 0) & (distance < self.reach)  # (T, K + T)
        return mask & is_held.gt(0)[:, None, None]

    def _latest(self, part: Tensor, axis: int) -> Tensor:
        """What a later step reads. A program of torch.export keeps all: no size may depend on another."""
        if self.always_masks and not torch.jit.is_tracing():
            return part
        latest = slice(1 - self.reach, None)
        return part[:, :, latest] if axis == 2 else part[:, :, :, latest]
