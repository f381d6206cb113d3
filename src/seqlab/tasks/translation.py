"""Translate: cross-entropy of each target token, and the search that writes translations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from seqlab.data.batches import TranslationBatch
from seqlab.errors import UserError
from seqlab.networks.contracts import TranslationNetwork, check_shape
from seqlab.networks.decoders import Memory
from seqlab.networks.recurrent import check_share
from seqlab.search.beam import Hypothesis, beam_search, greedy_search
from seqlab.tasks.base import Losses, SequenceTask
from seqlab.tasks.graphs import (
    BATCH,
    LENGTH,
    Axes,
    Graph,
    Tensors,
    padded_rows,
    random_state,
    state_axes,
    state_tensors,
)

LOSS_UNITS = ("token", "pair")


class Translation(SequenceTask[TranslationBatch]):
    """Cross-entropy of each target token, EOS included, padding not.

    The training loss is smoothed and may be scheduled; validation and test losses never are: they are nats a
    token of the true translation.

    The settings are explained in conf/model/seq2seq.yaml; label smoothing is that of Szegedy et al. (CVPR
    2016, section 7).

    Raises:
        UserError: a setting out of range.
    """

    batch_type: ClassVar[type] = TranslationBatch
    contract: ClassVar[type | None] = TranslationNetwork
    network: Any

    def __init__(
        self,
        *,
        unk_id: int,
        label_smoothing: float = 0.0,
        loss_per: str = "token",
        teacher_forcing_ratio: float = 1.0,
        beam_size: int = 5,
        length_penalty: float = 1.0,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        check_share("label_smoothing", label_smoothing)
        if loss_per not in LOSS_UNITS:
            raise UserError(f"model.loss_per={loss_per}: choose {' or '.join(LOSS_UNITS)}")
        if not 0 <= teacher_forcing_ratio <= 1:
            raise UserError(
                f"model.teacher_forcing_ratio={teacher_forcing_ratio}: give a probability from 0 to 1"
            )
        if not isinstance(beam_size, int) or beam_size < 1:
            raise UserError(f"model.beam_size={beam_size}: give a whole number, at least 1 (greedy)")
        if length_penalty < 0:
            raise UserError(f"model.length_penalty={length_penalty}: give 0 (none) or more; 1 is usual")
        self.unk_id = unk_id
        self.label_smoothing = label_smoothing
        self.loss_per = loss_per
        self.teacher_forcing_ratio = teacher_forcing_ratio
        self.beam_size = beam_size
        self.length_penalty = length_penalty

    def try_network(self, batch: TranslationBatch, sizes: Mapping[str, int]) -> None:
        found = self.network(batch.source, batch.source_lengths, batch.decoder_input, 1.0)
        readout = getattr(found, "readout", found)
        given = (
            f"a source of shape (B, S) = {tuple(batch.source.shape)} and a decoder_input of shape (B, T) = "
            f"{tuple(batch.decoder_input.shape)}"
        )
        width = readout.shape[-1] if isinstance(readout, Tensor) and readout.ndim else 1
        rows, steps = batch.decoder_input.shape
        check_shape(self.network, "readouts", readout, {"B": rows, "T": steps, "R": width}, given)
        logits = self.network.output(readout)
        axes = {"B": rows, "T": steps, "V": sizes["target_vocab_size"]}
        check_shape(self.network, "logits of its output", logits, axes, given)

    def graphs(self, sizes: Mapping[str, int], data: Mapping[str, Any]) -> dict[str, Graph]:
        """``encoder``, run once a source, and ``step``, run once a target token; the caller searches."""
        with torch.no_grad():
            token = torch.zeros(1, 1, dtype=torch.int64)
            memory, state = self.network.encode(token, torch.ones(1).long())
            axes = state_axes(state, self.network.decoder.readout(token, state, memory)[2])
        width, attends = memory.outputs.shape[2], memory.projected is not None
        held: dict[str, Axes] = {}
        if attends:
            held = {"memory": (BATCH, LENGTH, width), "mask": (BATCH, LENGTH)}

        def encode(network: Any, source: Tensor, lengths: Tensor) -> Tensors:
            memory, state = network.encode(source, lengths)
            read = (memory.outputs, memory.mask) if attends else ()
            return *read, *state_tensors(state)

        def step(network: Any, tokens: Tensor, *given: Tensor) -> Tensors:
            memory = network.decoder.remember(*given[:2]) if attends else Memory(tokens, tokens, None)
            parts = given[len(held) :]
            state = parts[0] if len(parts) == 1 else parts
            readout, _, after = network.decoder.readout(tokens[:, None], state, memory)
            found = network.output(readout[:, 0]).float().log_softmax(dim=-1)
            return found, *state_tensors(after)

        def sample(batch: int, length: int, generator: torch.Generator) -> Tensors:
            tokens = torch.randint(0, sizes["target_vocab_size"], (batch,), generator=generator)
            read: Tensors = ()
            if attends:
                lengths = torch.randint(1, length + 1, (batch,), generator=generator)
                outputs = torch.rand((batch, length, width), generator=generator) - 0.5
                read = outputs, torch.arange(length) < lengths[:, None]
            return tokens, *read, *random_state(axes, batch, generator)

        source: dict[str, Axes] = {"source": (BATCH, LENGTH), "lengths": (BATCH,)}
        given: dict[str, Axes] = {"tokens": (BATCH,), **held, **axes}
        found: dict[str, Axes] = {"log_probabilities": (BATCH, sizes["target_vocab_size"])}
        found |= {f"{name}_after": each for name, each in axes.items()}
        rows = padded_rows(sizes["source_vocab_size"])
        return {
            "encoder": Graph(self.network, encode, source, held | axes, rows, 10),
            "step": Graph(self.network, step, given, found, sample, 10),
        }

    def losses(self, batch: TranslationBatch) -> Losses:
        smoothing = self.label_smoothing if self.training else 0.0
        logits, targets, _ = self._read(batch, self.teacher_forcing_ratio if self.training else 1.0)
        nll = F.cross_entropy(logits, targets, reduction="sum", label_smoothing=smoothing)
        if self.training:
            per_pair = self.loss_per == "pair"
            return Losses(nll, None, nll.new_tensor(len(batch.pair)) if per_pair else batch.num_units)
        return Losses(nll, (logits.argmax(dim=1) == targets).sum(), batch.num_units)

    def pair_scores(self, batch: TranslationBatch) -> tuple[Tensor, Tensor, Tensor]:
        """(B,) nats of each pair, right first guesses, target tokens, all told the true tokens before."""
        logits, targets, real = self._read(batch, 1.0)
        nll = F.cross_entropy(logits, targets, reduction="none")
        pair = real // batch.target.shape[1]
        zeros = torch.zeros(len(batch.pair), dtype=torch.float64, device=nll.device)
        right = (logits.argmax(dim=1) == targets).double()
        return (
            zeros.index_add(0, pair, nll.double()),
            zeros.index_add(0, pair, right),
            batch.target_lengths,
        )

    def _read(self, batch: TranslationBatch, ratio: float) -> tuple[Tensor, Tensor, Tensor]:
        """(N, V) logits of the real target tokens, (N,) these, and their places in the flattened batch."""
        found = self.network(batch.source, batch.source_lengths, batch.decoder_input, ratio)
        steps = torch.arange(batch.target.shape[1], device=batch.target.device)
        real = (steps < batch.target_lengths[:, None]).reshape(-1).nonzero()[:, 0]  # (N,)
        # padding leaves before the output layer, the dearest product of all
        readout = found.readout.flatten(0, 1).index_select(0, real)
        return self.network.output(readout).float(), batch.target.reshape(-1).index_select(0, real), real

    def search(self, source: Tensor, source_lengths: Tensor) -> list[Hypothesis]:
        """Translate (B, S) sources of (B,) lengths with the beam and penalty of the settings."""
        self.eval()
        settings: dict[str, Any] = {"length_penalty": self.length_penalty, "unk_id": self.unk_id}
        if self.beam_size == 1:
            return greedy_search(self.network, source, source_lengths, **settings)
        return beam_search(self.network, source, source_lengths, beam_size=self.beam_size, **settings)

    def predict_step(self, batch: TranslationBatch, batch_idx: int = 0) -> list[Hypothesis]:
        """The translations of the batch's B sources; its targets are not read."""
        return self.search(batch.source, batch.source_lengths)

    @torch.inference_mode()
    def attention_weights(self, batch: TranslationBatch) -> Tensor | None:
        """(B, T, S) weight of each source token (last axis) for each target token; None without attention."""
        self.eval()
        return self.network(batch.source, batch.source_lengths, batch.decoder_input).attention
