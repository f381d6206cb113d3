"""``seqlab predict`` for classifiers: names or texts in, a label and its probability for each out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from seqlab.data.batches import NameBatch
from seqlab.data.module import batches_by_length
from seqlab.data.name_batches import NameCoder, NameDataset
from seqlab.data.name_files import TEXT_COLUMNS, csv_rows
from seqlab.data.pair_files import clean
from seqlab.data.text_files import read_lines
from seqlab.errors import UserError
from seqlab.prediction.items import as_list
from seqlab.tasks.classification import Classification

if TYPE_CHECKING:
    import pandas as pd

BATCH_SIZE = 512
BATCH_TOKENS = 65_536  # characters or words, padding counted
FORMAT = "one name (or text) a line, or a CSV or TSV with a column headed name, text or sentence"


def predict_labels(task: Classification, baggage: dict[str, Any], path: Path) -> pd.DataFrame:
    """One row per name or text: itself, predicted label, its probability, the second label and its own.

    Args:
        path: one name or text a line, or a CSV or TSV with a column headed as in training, or name, text or
            sentence, or of text and label as for training. Empty lines are passed over and counted on
            standard error.

    Raises:
        UserError: a file without a name or other than UTF-8; names the line.
    """
    import pandas as pd

    columns = baggage["data"].get("columns")
    names, num_empty = read_names(path, columns[0] if columns else None)
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
            coder.noun: names,
            "predicted": [row[0] for row in labels],
            "probability": best.values[:, 0].numpy(),
            "runner_up": [row[1] for row in labels],
            "runner_up_probability": best.values[:, 1].numpy(),
        }
    )


def encoder(state: dict[str, Any]) -> Callable[[Any], NameBatch]:
    """Names or texts to a batch, whose labels mean nothing.

    Args:
        state: of the data, as a checkpoint holds it.
    """
    coder = NameCoder.from_state(state["coder"])

    def encode(items: Any) -> NameBatch:
        names = [clean(name) for name in as_list(items, "names or texts")]
        return NameDataset(names, coder)[torch.arange(len(names))]

    return encode


def read_names(path: Path, column: str | None = None) -> tuple[list[str], int]:
    """Names or texts of a text file or of a table's column, and how many lines without one were passed over.

    A file is a table if it is called .csv or .tsv (or that and .gz), or if its first line, without spaces,
    heads a column name, text, sentence or ``column``. A table without a header has them in the first of at
    most two columns, as in training files.

    Raises:
        UserError: a file that cannot be read or holds no name, or a ragged table; names the line.
    """
    lines = read_lines(path, FORMAT)
    headings = [column.lower()] if column else list(TEXT_COLUMNS)
    first = next((line for line in lines if line.strip()), "")
    heads = [cell.strip().strip('"').lower() for cell in first.split("\t" if "\t" in first else ",")]
    head = next((name for name in headings if name in heads), None)
    is_table = path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv"))
    if is_table or (head is not None and " " not in first):
        rows = csv_rows(path, FORMAT)
        width, place, num_heads = len(rows[0][1]), 0, 0
        if head is not None:
            place, num_heads = heads.index(head), 1
        elif width > 2:
            raise UserError(f"{path}, line {rows[0][0]}: {width} fields and no header; expected {FORMAT}")
        for number, cells in rows:
            if len(cells) != width:
                raise UserError(
                    f"{path}, line {number}: {len(cells)} fields, the first line has {width}; expected "
                    f"{FORMAT}"
                )
        found = [clean(cells[place]) for _, cells in rows[num_heads:]]
        num_empty = sum(not line.strip() for line in lines) + found.count("")
    else:
        found = [clean(line) for line in lines]
        num_empty = found.count("")
    names = [name for name in found if name]
    if not names:
        raise UserError(f"{path}: no name in it; expected {FORMAT}")
    return names, num_empty
