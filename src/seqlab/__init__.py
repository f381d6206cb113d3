"""seqlab: experiments with sequence models, from raw files to an honest report.

Read the package in the order the data flows: ``data`` (files to batches), ``networks`` (batches to
outputs), ``tasks`` (outputs to losses and scores), ``detection`` (scores to alerts), ``report``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seqlab.loading import Loaded

__version__ = "0.1.0"


def load(path: str | Path, *, trust: Sequence[str] = ()) -> Loaded:
    """A trained model from its checkpoint alone: ``task, data = seqlab.load("runs/.../best.ckpt")``.

    ``task`` is a LightningModule in eval mode on the CPU; ``data.encode(items)`` makes new data a batch for
    ``task.predict_step``, and ``data.predict(path)`` gives the table that ``seqlab predict`` writes.

    Args:
        trust: packages beside seqlab whose code the checkpoint may name, such as ``("mylab",)``.

    Raises:
        seqlab.errors.UserError: no checkpoint of seqlab, or one that names code of other packages.
    """
    from seqlab import loading  # torch is imported by whoever loads, not by every command

    return loading.load(path, trust=trust)
