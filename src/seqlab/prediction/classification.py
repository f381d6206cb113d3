"""``seqlab predict`` for name classifiers: names in, a label and its probability for each out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from seqlab.data.module import batches_by_length
from seqlab.data.name_batches import NameCoder, NameDataset
from seqlab.data.name_files import NAME_COLUMN, csv_rows, normalized
from seqlab.data.text_files import read_lines
from seqlab.errors import UserError
from seqlab.tasks.classification import Classification

if TYPE_CHECKING:
    import pandas as pd

BATCH_SIZE = 512
BATCH_TOKENS = 65_536  # characters, padding counted
FORMAT = "one name a line, or a CSV with a column headed name"


def predict_labels(task: Classification, baggage: dict[str, Any], path: Path) -> pd.DataFrame:
    """One row per name: name, predicted label, its probability, the second label and its probability.

    Args:
        path: one name a line, or a CSV with a column ``name``, or of name and label as for training. Empty
            lines are passed over and counted on standard error.

    Raises:
        UserError: a file without a name or other than UTF-8; names the line.
    """
    import pandas as pd

    names, num_empty = read_names(path)
    if num_empty:
        print(f"note: {num_empty:,} empty lines were passed over", file=sys.stderr)
    coder = NameCoder.from_state(baggage["data"]["coder"])
    dataset = NameDataset(names, coder)
    probabilities = torch.zeros(len(names), len(coder.labels))
    task.eval()
    with torch.inference_mode():
        for items in batches_by_length(dataset.lengths, BATCH_SIZE, BATCH_TOKENS, seed=0, shuffle=False):
            probabilities[items] = task.predict_step(dataset[items])
    best = probabilities.topk(2, dim=1)
    labels = [[coder.labels[number] for number in row] for row in best.indices.tolist()]
    return pd.DataFrame(
        {
            "name": names,
            "predicted": [row[0] for row in labels],
            "probability": best.values[:, 0].numpy(),
            "runner_up": [row[1] for row in labels],
            "runner_up_probability": best.values[:, 1].numpy(),
        }
    )


def read_names(path: Path) -> tuple[list[str], int]:
    """Names of a text file or of a CSV's column, and how many lines without one were passed over.

    A file is a CSV if a column of its first line is headed name, or if it is called .csv (.csv.gz): without a
    header its first of at most two columns holds the names, as in training files.

    Raises:
        UserError: a file that cannot be read or holds no name, or a ragged CSV; names the line.
    """
    lines = read_lines(path, FORMAT)
    first = next((line for line in lines if line.strip()), "")
    heads = [cell.strip().strip('"').lower() for cell in first.split(",")]
    if NAME_COLUMN in heads or path.name.lower().endswith((".csv", ".csv.gz")):
        rows = csv_rows(path, FORMAT)
        width, column, num_heads = len(rows[0][1]), 0, 0
        if NAME_COLUMN in heads:
            column, num_heads = heads.index(NAME_COLUMN), 1
        elif width > 2:
            raise UserError(f"{path}, line {rows[0][0]}: {width} fields and no header; expected {FORMAT}")
        for number, cells in rows:
            if len(cells) != width:
                raise UserError(
                    f"{path}, line {number}: {len(cells)} fields, the first line has {width}; expected "
                    f"{FORMAT}"
                )
        found = [normalized(cells[column]) for _, cells in rows[num_heads:]]
        num_empty = len(lines) - len(rows) + found.count("")
    else:
        found = [normalized(line) for line in lines]
        num_empty = found.count("")
    names = [name for name in found if name]
    if not names:
        raise UserError(f"{path}: no name in it; expected {FORMAT}")
    return names, num_empty
