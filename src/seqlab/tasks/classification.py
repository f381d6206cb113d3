"""One label for a whole sequence: cross-entropy, accuracy and macro F1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from seqlab.data.batches import LabelledBatch
from seqlab.networks.contracts import ClassificationNetwork, check_shape
from seqlab.networks.recurrent import check_share
from seqlab.networks.sequence_classifier import joined
from seqlab.tasks.base import Losses, SequenceTask
from seqlab.tasks.class_counts import Confusion
from seqlab.tasks.graphs import BATCH, LENGTH, Graph, Tensors, padded_rows
from seqlab.tasks.means import StageCounts


class Classification(SequenceTask[LabelledBatch]):
    """-log p of each sequence's label.

    While training it is the mean over the network's readers, weighted and smoothed as asked; validation and
    test losses are nats a sequence of the readers' joined probabilities.

    Args:
        label_smoothing: share of each label spread evenly over the classes (Szegedy et al., CVPR 2016,
            section 7).
        **settings: those of SequenceTask.

    Raises:
        UserError: a share outside [0, 1).
    """

    batch_type: ClassVar[type] = LabelledBatch
    contract: ClassVar[type | None] = ClassificationNetwork
    class_weights: Tensor

    def __init__(self, *, label_smoothing: float = 0.0, **settings: Any) -> None:
        super().__init__(**settings)
        check_share("label_smoothing", label_smoothing)
        self.label_smoothing = label_smoothing
        num_classes: int = self.network.num_classes  # type: ignore[assignment]
        self.register_buffer("class_weights", torch.ones(num_classes))
        self.val_counts = StageCounts(Confusion(num_classes))
        self.test_counts = StageCounts(Confusion(num_classes))

    def try_network(self, batch: LabelledBatch, sizes: Mapping[str, int]) -> None:
        found = self.network(batch)
        members = {"R": len(found) if isinstance(found, Tensor) and found.ndim else 1}
        axes = members | {"B": len(batch.labels), "C": sizes["num_classes"]}
        given = f"a batch with tokens of shape (B, T) = {tuple(batch.tokens.shape)}"
        check_shape(self.network, "log-probabilities", found, axes, given)

    def one_pass(self, sizes: Mapping[str, int], data: Mapping[str, Any]) -> Graph:
        def outputs(network: Any, tokens: Tensor, lengths: Tensor) -> Tensors:
            return (joined(network(LabelledBatch(tokens, lengths, torch.zeros_like(lengths)))),)

        return Graph(
            self.network,
            outputs,
            {"tokens": (BATCH, LENGTH), "lengths": (BATCH,)},
            {"log_probabilities": (BATCH, sizes["num_classes"])},
            padded_rows(sizes["vocab_size"]),
            10,
        )

    def on_fit_start(self) -> None:
        """The weights that the data asks for."""
        super().on_fit_start()
        found = getattr(self.trainer.datamodule, "class_weights", None)  # type: ignore[attr-defined]
        if found is not None:
            self.class_weights.copy_(torch.tensor(found))

    def losses(self, batch: LabelledBatch) -> Losses:
        log_probabilities = self.network(batch)  # (R, B, C)
        if self.training:
            return self._training_losses(log_probabilities, batch)
        return _losses(joined(log_probabilities), batch)

    def _training_losses(self, log_probabilities: Tensor, batch: LabelledBatch) -> Losses:
        """Each reader learns alone: of the joined probabilities' loss each would learn what others lack."""
        chosen = log_probabilities[:, torch.arange(len(batch.labels)), batch.labels]  # (R, B)
        wanted = (1 - self.label_smoothing) * chosen
        if self.label_smoothing:
            wanted = wanted + self.label_smoothing * log_probabilities.mean(dim=-1)
        nll = -(wanted * self.class_weights[batch.labels]).mean(dim=0).sum()
        return Losses(nll, None, batch.num_units)

    def predict_step(self, batch: LabelledBatch, batch_idx: int = 0) -> Tensor:
        """(B, C) probabilities of the classes."""
        return joined(self.network(batch)).exp()

    def count(self, batch: LabelledBatch, counts: StageCounts) -> None:
        log_probabilities = joined(self.network(batch))
        losses = _losses(log_probabilities, batch)
        counts.loss.update(losses.nll, losses.num_units)
        counts.figures.update(batch.labels, log_probabilities.argmax(dim=1))  # type: ignore[union-attr]


def _losses(log_probabilities: Tensor, batch: LabelledBatch) -> Losses:
    """Of (B, C) log-probabilities, as they are."""
    nll = torch.nn.functional.nll_loss(log_probabilities, batch.labels, reduction="sum")
    return Losses(nll, (log_probabilities.argmax(dim=1) == batch.labels).sum(), batch.num_units)
