"""``seqlab predict`` for entity taggers: sentences in, a tag for every token out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from seqlab.data.bio import OUTSIDE, is_tag, tag_names
from seqlab.data.conll import DOCUMENT, TaggedSentences, columns_of, read_lines
from seqlab.data.module import batches_by_length
from seqlab.data.sequences import segment_indices
from seqlab.data.tag_batches import TagDataset, WordCoder
from seqlab.errors import UserError
from seqlab.tasks.tagging import Tagging

if TYPE_CHECKING:
    import pandas as pd

BATCH_SIZE = 128
BATCH_TOKENS = 32_768  # padding counted
FORMATS = "one sentence a line, tokens separated by spaces; or CoNLL columns, the token first"


def predict_entities(task: Tagging, baggage: dict[str, Any], path: Path) -> pd.DataFrame:
    """One row per token: number of the sentence (from 1), the token, its tag.

    Args:
        path: one tokenized sentence a line, or a CoNLL column file, of which only the first column is used.

    Raises:
        UserError: a file without a sentence or other than UTF-8; names the line.
    """
    import pandas as pd

    sentences = read_sentences(path)
    coder = WordCoder.from_state(baggage["data"]["coder"])
    names = tag_names(baggage["data"]["types"])
    dataset = TagDataset(sentences, coder, np.zeros(len(sentences.tokens), dtype=np.int64))
    tags = np.zeros(len(sentences.tokens), dtype=np.int64)
    task.eval()
    with torch.inference_mode():
        for items in batches_by_length(dataset.lengths, BATCH_SIZE, BATCH_TOKENS, seed=0, shuffle=False):
            batch = dataset[items]
            places = segment_indices(dataset.firsts[items.numpy()], dataset.lengths[items].numpy())
            tags[places] = task.predict_step(batch)[batch.mask].numpy()
    return pd.DataFrame(
        {
            "sentence": np.repeat(np.arange(1, len(sentences) + 1), sentences.lengths),
            "token": list(sentences.tokens),
            "tag": [names[tag] for tag in tags.tolist()],
        }
    )


def read_sentences(path: Path) -> TaggedSentences:
    """Sentences of a text file or of a column file, every tag O.

    A file holds columns where a line has a tab, or where several lines have as many columns each and all end
    in a BIO tag.

    Raises:
        UserError: a file that cannot be read, holds no sentence or an empty token; names the line.
    """
    lines = read_lines(path, FORMATS)
    rows = [columns_of(line) for line in lines]
    if _holds_columns(lines, rows):
        sentences: list[list[str]] = [[]]
        for number, columns in enumerate(rows, start=1):
            if not columns or columns[0] == DOCUMENT:
                sentences.append([])
            elif not columns[0]:
                raise UserError(f"{path}, line {number}: the token before the first tab is empty")
            else:
                sentences[-1].append(columns[0])
    else:
        sentences = rows
    filled = [(tokens, [OUTSIDE] * len(tokens)) for tokens in sentences if tokens]
    if not filled:
        raise UserError(f"{path}: no sentence in it; expected {FORMATS}")
    return TaggedSentences.from_sentences(filled)


def _holds_columns(lines: list[str], rows: list[list[str]]) -> bool:
    filled = [columns for columns in rows if columns and columns[0] != DOCUMENT]
    if any("\t" in line for line, columns in zip(lines, rows, strict=True) if columns):
        return True
    widths = {len(columns) for columns in filled}
    return len(filled) > 1 and len(widths) == 1 < max(widths) and all(is_tag(row[-1]) for row in filled)
