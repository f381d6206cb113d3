"""A tag for every token: the loss of a whole sentence, entities counted while training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from seqlab.data.batches import TagBatch
from seqlab.networks.contracts import TaggingNetwork, check_shape
from seqlab.tasks.base import Losses, SequenceTask
from seqlab.tasks.entity_counts import EntityCounts
from seqlab.tasks.graphs import Graph


class Tagging(SequenceTask[TagBatch]):
    """-log p of the tags, per token: of the whole sentence's under a CRF, of each token's without.

    Tags of entity types that training lacks count as O in the loss and as missed entities in the figures.

    Args:
        **settings: those of SequenceTask.
    """

    batch_type: ClassVar[type] = TagBatch
    contract: ClassVar[type | None] = TaggingNetwork

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.val_entities = EntityCounts()
        self.test_entities = EntityCounts()

    def try_network(self, batch: TagBatch, sizes: Mapping[str, int]) -> None:
        shape = tuple(batch.words.shape)
        axes = {"B": shape[0], "T": shape[1], "N": sizes["num_tags"]}
        given = f"a batch with words of shape (B, T) = {shape}"
        check_shape(self.network, "scores", self.network(batch), axes, given)

    def one_pass(self, sizes: Mapping[str, int], data: Mapping[str, Any]) -> Graph:
        raise self.no_graph("its result is found step by step, by a search that no graph holds")

    def on_fit_start(self) -> None:
        """Word vectors that the data has read go into the network, once; a resumed run has its own."""
        found = getattr(self.trainer.datamodule, "word_vectors", None)  # type: ignore[attr-defined]
        if found is not None and self.trainer.ckpt_path is None:
            self.network.set_word_vectors(torch.from_numpy(found.ids), torch.from_numpy(found.vectors))  # type: ignore[operator]

    def losses(self, batch: TagBatch) -> Losses:
        return self._losses(self.network(batch), batch)

    def _losses(self, scores: Tensor, batch: TagBatch) -> Losses:
        tags = batch.tags.masked_fill(batch.tags >= scores.shape[2], 0)
        nll = self.network.output.nll(scores, tags, batch.mask)  # type: ignore[union-attr, operator]
        return Losses(nll, None, batch.num_units)

    def predict_step(self, batch: TagBatch, batch_idx: int = 0) -> Tensor:
        """(B, T) int64 predicted tags, 0 under padding."""
        return self.decode(self.network(batch), batch)

    def decode(self, scores: Tensor, batch: TagBatch) -> Tensor:
        """(B, T) int64 tags that (B, T, N) scores give, 0 under padding."""
        return self.network.output.decode(scores, batch.mask)  # type: ignore[union-attr, operator]

    @torch.inference_mode()
    def judge_batch(self, batch: TagBatch) -> tuple[Losses, Tensor]:
        """Losses and (B, T) predicted tags of one reading of the batch, in eval mode."""
        self.eval()
        scores = self.network(batch)
        return self._losses(scores, batch), self.decode(scores, batch)

    def validate_batch(self, batch: TagBatch) -> None:
        scores = self.network(batch)
        losses = self._losses(scores, batch)
        self.val_loss.update(losses.nll, losses.num_units)
        self.val_entities.update(batch.tags, self.decode(scores, batch), batch.mask)

    def on_validation_epoch_end(self) -> None:
        super().on_validation_epoch_end()
        self.log_dict({f"val/{name}": value for name, value in self.val_entities.compute().items()})
        self.val_entities.reset()

    def test_step(self, batch: TagBatch, batch_idx: int) -> None:
        scores = self.network(batch)
        losses = self._losses(scores, batch)
        self.test_loss.update(losses.nll, losses.num_units)
        self.test_entities.update(batch.tags, self.decode(scores, batch), batch.mask)

    def on_test_epoch_end(self) -> None:
        super().on_test_epoch_end()
        self.log_dict({f"test/{name}": value for name, value in self.test_entities.compute().items()})
        self.test_entities.reset()
