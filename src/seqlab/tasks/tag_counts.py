"""Right and wrong plain tags: accuracy and macro F1 over all tokens of a split."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seqlab.tasks.confusion import Confusion, classification_figures, count_confusion


class TagCounts(Confusion):
    """Counts pairs of gold and predicted tags over a split, over all processes.

    Args:
        num_tags: tags that training has; all that it lacks count as one more, which is never predicted.
    """

    figures = ("accuracy", "macro_f1")
    main = "accuracy"  # the one that a tagger is judged by

    def __init__(self, num_tags: int) -> None:
        super().__init__(num_tags + 1)

    def update(self, gold: Tensor, predicted: Tensor, mask: Tensor) -> None:  # type: ignore[override]
        """Add (B, T) tag ids; only those under the (B, T) mask count."""
        super().update(gold[mask].clamp(max=self.num_classes - 1), predicted[mask])


def plain_figures(gold: NDArray[np.int64], predicted: NDArray[np.int64], num_tags: int) -> dict[str, float]:
    """accuracy and macro_f1 of (N,) tag ids of a whole split, counted as ``TagCounts`` does."""
    known = np.minimum(gold, num_tags)
    return classification_figures(count_confusion(known, np.minimum(predicted, num_tags), num_tags + 1))
