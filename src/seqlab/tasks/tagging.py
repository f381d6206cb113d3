"""A tag for every token: the loss of a whole sentence, entities or tags counted while training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from seqlab.data.batches import TagBatch
from seqlab.errors import UserError
from seqlab.networks.contracts import TaggingNetwork, check_shape
from seqlab.tasks.base import Losses, SequenceTask
from seqlab.tasks.class_counts import EntityCounts, TagCounts
from seqlab.tasks.graphs import BATCH, LENGTH, Axes, Graph, Tensors, padded_rows, real_steps
from seqlab.tasks.means import StageCounts


class Tagging(SequenceTask[TagBatch]):
    """-log p of the tags, per token: of the whole sentence's under a CRF, of each token's without.

    Tags that training lacks count as tag 0 in the loss (O, or the most frequent plain tag), and as missed or
    wrong in the figures. ``val/score`` is the figure that a tagger is judged by: entity F1 of BIO tags,
    accuracy of plain ones.

    Args:
        **settings: those of SequenceTask.
    """

    batch_type: ClassVar[type] = TagBatch
    contract: ClassVar[type | None] = TaggingNetwork

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.val_counts = StageCounts(tag_counts(self.network))
        self.test_counts = StageCounts(tag_counts(self.network))

    def try_network(self, batch: TagBatch, sizes: Mapping[str, int]) -> None:
        shape = tuple(batch.words.shape)
        axes = {"B": shape[0], "T": shape[1], "N": sizes["num_tags"]}
        given = f"a batch with words of shape (B, T) = {shape}"
        check_shape(self.network, "scores", self.network(batch), axes, given)

    def one_pass(self, sizes: Mapping[str, int], data: Mapping[str, Any]) -> Graph:
        if self.network.output.is_searched:  # type: ignore[union-attr]
            raise self.no_graph(
                "its CRF finds the best sequence of tags step by step, by a search that no graph holds; a "
                "model trained with model.network.crf=false can be"
            )
        reads: dict[str, Axes] = {"words": (BATCH, LENGTH)}
        if self.network.shape_embedding is not None:
            reads["shapes"] = (BATCH, LENGTH)
        if self.network.characters is not None:
            reads |= {"spelling": (BATCH, LENGTH), "letters": ("spellings", "letters")}
            reads["letter_counts"] = ("spellings",)
        reads["lengths"] = (BATCH,)

        def sample(batch: int, length: int, generator: torch.Generator) -> Tensors:
            words, lengths = padded_rows(sizes["vocab_size"])(batch, length, generator)
            shapes = torch.randint(0, sizes["num_shapes"], words.shape, generator=generator)
            letters, counts = padded_rows(sizes["num_characters"])(7, 4, generator)
            spelling = torch.randint(0, 7, words.shape, generator=generator)
            found = {"words": words, "shapes": shapes, "spelling": spelling, "letters": letters}
            found |= {"letter_counts": counts, "lengths": lengths}
            return tuple(found[name] for name in reads)

        def outputs(network: Any, *tensors: Tensor) -> Tensors:
            given = dict(zip(reads, tensors, strict=True))
            words, lengths = given["words"], given["lengths"]
            unread = {name: words for name in TagBatch._fields if name not in reads}
            batch = TagBatch(**unread | given)._replace(mask=real_steps(words, lengths))
            return (network(batch).log_softmax(dim=-1),)

        return Graph(
            self.network,
            outputs,
            reads,
            {"log_probabilities": (BATCH, LENGTH, sizes["num_tags"])},
            sample,
            10,
            lambda words, *given: real_steps(words, given[-1]),
        )

    def on_fit_start(self) -> None:
        """Word vectors that the data has read go into the network, once; a resumed run has its own.

        Raises:
            UserError: a monitor that such tags have no figure for.
        """
        super().on_fit_start()
        logged = [f"val/{name}" for name in ("loss", "score", *tag_counts(self.network).figures)]
        if self.monitor not in logged:
            raise UserError(
                f"monitor.metric={self.monitor}: tags of this data have {', '.join(logged)}; choose "
                "model=tagger or monitor.metric=val/score, which suits entities and plain tags"
            )
        found = getattr(self.trainer.datamodule, "word_vectors", None)  # type: ignore[attr-defined]
        if found is not None and self.trainer.ckpt_path is None:
            self.network.set_word_vectors(torch.from_numpy(found.ids), torch.from_numpy(found.vectors))  # type: ignore[operator]

    def losses(self, batch: TagBatch) -> Losses:
        return self._losses(self.network(batch), batch)

    def _losses(self, scores: Tensor, batch: TagBatch) -> Losses:
        tags = _known(batch.tags, scores)
        nll = self.network.output.nll(scores, tags, batch.mask)  # type: ignore[union-attr, operator]
        return Losses(nll, None, batch.num_units)

    def predict_step(self, batch: TagBatch, batch_idx: int = 0) -> Tensor:
        """(B, T) int64 predicted tags, 0 under padding."""
        return self.decode(self.network(batch), batch)

    def decode(self, scores: Tensor, batch: TagBatch) -> Tensor:
        """(B, T) int64 tags that (B, T, N) scores give, 0 under padding."""
        return self.network.output.decode(scores, batch.mask)  # type: ignore[union-attr, operator]

    @torch.inference_mode()
    def judge_batch(self, batch: TagBatch) -> tuple[Tensor, Tensor]:
        """(B,) nats of each sentence and (B, T) predicted tags of one reading of the batch, in eval mode."""
        self.eval()
        scores = self.network(batch)
        output: Any = self.network.output
        nll = output.sentence_nll(scores, _known(batch.tags, scores), batch.mask)
        return nll, self.decode(scores, batch)

    def count(self, batch: TagBatch, counts: StageCounts) -> None:
        scores = self.network(batch)
        counts.add(*self._losses(scores, batch))
        counts.figures.update(batch.tags, self.decode(scores, batch), batch.mask)  # type: ignore[union-attr]

    def figures(self, counts: StageCounts) -> dict[str, Tensor]:
        figures = super().figures(counts)
        return figures | {"score": figures[counts.figures.main]}  # type: ignore[union-attr, index]


def _known(tags: Tensor, scores: Tensor) -> Tensor:
    """(B, T) tags, those that the (B, T, N) scores are not of as 0."""
    return tags.masked_fill(tags >= scores.shape[2], 0)


def tag_counts(network: Any) -> EntityCounts | TagCounts:
    """What counts right tags of the kind that a network gives."""
    return EntityCounts() if network.tags_are_bio else TagCounts(network.num_tags)
