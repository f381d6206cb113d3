"""``seqlab predict`` for classifiers: sequences in, a label and its probability for each out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from hydra.utils import get_object

from seqlab.data.batches import LabelledBatch
from seqlab.data.labelled_coder import LabelledDataset
from seqlab.data.labelled_contract import CLASS, Coder
from seqlab.data.loaders import batches_by_length
from seqlab.errors import UserError
from seqlab.prediction.items import as_list
from seqlab.tasks.classification import Classification

if TYPE_CHECKING:
    import pandas as pd

BATCH_SIZE = 512
BATCH_TOKENS = 65_536  # padding counted
TRUSTED_CODERS = "seqlab.data."
OLDER_CODER = "seqlab.data.names.NameCoder"  # of checkpoints that name none


def predict_labels(task: Classification, baggage: dict[str, Any], path: Path) -> pd.DataFrame:
    """One row per sequence: its name, predicted label, its probability, the second label and its own.

    Args:
        path: a file as the data's own coder reads it. Empty lines are passed over and counted on standard
            error.

    Raises:
        UserError: a file that cannot be read or holds no sequence; names the line. A checkpoint whose coder
            is no class of seqlab or of a trusted package.
    """
    import pandas as pd

    coder = stored_coder(baggage["data"], baggage.get("trust", ()))
    new = coder.read_new(path)
    if new.num_empty:
        print(f"note: {new.num_empty:,} empty lines were passed over", file=sys.stderr)
    dataset = LabelledDataset(new.texts, coder)
    probabilities = torch.zeros(len(dataset), len(coder.labels))
    task.eval()
    with torch.inference_mode():
        for rows in batches_by_length(dataset.lengths, BATCH_SIZE, BATCH_TOKENS, seed=0, shuffle=False):
            probabilities[rows] = task.predict_step(dataset[rows])
    best = probabilities.topk(2, dim=1)
    labels = [[coder.labels[number] for number in row] for row in best.indices.tolist()]
    return pd.DataFrame(
        {
            coder.noun: list(new.texts if new.ids is None else new.ids),
            "predicted": [row[0] for row in labels],
            "probability": best.values[:, 0].numpy(),
            "runner_up": [row[1] for row in labels],
            "runner_up_probability": best.values[:, 1].numpy(),
        }
    )


def encoder(baggage: dict[str, Any]) -> Callable[[Any], LabelledBatch]:
    """Sequences as their files write them to a batch, whose labels mean nothing.

    Args:
        baggage: of the checkpoint; see ``load_task``.
    """
    coder = stored_coder(baggage["data"], baggage.get("trust", ()))

    def encode(items: Any) -> LabelledBatch:
        texts = as_list(items, f"{coder.noun}s")
        return LabelledDataset(texts, coder)[torch.arange(len(texts))]

    return encode


def stored_coder(data: dict[str, Any], trust: Collection[str] = ()) -> Coder:
    """The coder whose state a checkpoint's data holds.

    Args:
        trust: packages outside seqlab that may give it.

    Raises:
        UserError: its class is no coder of seqlab.data or of a trusted package; nothing of it is executed.
    """
    state = {"columns": data.get("columns"), **data["coder"]}  # beside the coder in older checkpoints
    name = str(state.get(CLASS, OLDER_CODER))
    package = name.partition(".")[0]
    allowed = f"{package}." if package in trust else TRUSTED_CODERS
    refusal = UserError(
        f"the checkpoint's data names the coder {name}, which is no coder of {TRUSTED_CODERS[:-1]} or of a "
        "package that is trusted; nothing was executed"
    )
    if not name.startswith(allowed):
        raise refusal
    try:
        found = get_object(name)
    except Exception:
        raise refusal from None
    if not isinstance(found, type) or not f"{found.__module__}.".startswith(allowed):
        raise refusal
    made: Any = found
    if any(not hasattr(made, member) for member in ("from_state", "read_new", "encode")):
        raise refusal
    return made.from_state(state)
