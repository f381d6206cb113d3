"""``seqlab predict`` for taggers: sentences in, a tag for every token out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from seqlab.data.batches import TagBatch
from seqlab.data.bio import OUTSIDE, is_tag
from seqlab.data.conll import TaggedSentences, read_lines
from seqlab.data.conll_columns import DOCUMENT, columns_of, token_lines
from seqlab.data.loaders import batches_by_length
from seqlab.data.sequences import segment_indices
from seqlab.data.tag_batches import TagDataset, WordCoder
from seqlab.data.tag_schemes import scheme_from_state
from seqlab.errors import UserError
from seqlab.prediction.items import as_list
from seqlab.tasks.tagging import Tagging

if TYPE_CHECKING:
    import pandas as pd

BATCH_SIZE = 128
BATCH_TOKENS = 32_768  # padding counted
FORMATS = "one sentence a line, tokens separated by spaces; or CoNLL columns, the token first"


def predict_tags(task: Tagging, baggage: dict[str, Any], path: Path) -> pd.DataFrame:
    """One row per token: number of the sentence (from 1), the token, its tag.

    Args:
        path: one tokenized sentence a line, or a CoNLL column file, of which only the tokens are read.

    Raises:
        UserError: a file without a sentence or other than UTF-8; names the line.
    """
    import pandas as pd

    names = scheme_from_state(baggage["data"]).names
    sentences = read_sentences(path, names)
    coder = WordCoder.from_state(baggage["data"]["coder"])
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


def encoder(baggage: dict[str, Any]) -> Callable[[Any], TagBatch]:
    """Tokenized sentences, lists of words or texts with spaces between words, to a batch.

    Args:
        baggage: of the checkpoint; see ``load_task``.
    """
    state = baggage["data"]
    coder = WordCoder.from_state(state["coder"])

    def encode(items: Any) -> TagBatch:
        rows = [row.split() if isinstance(row, str) else list(row) for row in as_list(items, "sentences")]
        if not all(rows):
            raise UserError(f"encode: sentence {rows.index([]) + 1} has no word")
        sentences = TaggedSentences.from_sentences([(row, [OUTSIDE] * len(row)) for row in rows])
        dataset = TagDataset(sentences, coder, np.zeros(len(sentences.tokens), dtype=np.int64))
        return dataset[torch.arange(len(rows))]

    return encode


predict_entities = predict_tags  # checkpoints of entity taggers name it


def read_sentences(path: Path, known: Collection[str] = ()) -> TaggedSentences:
    """Sentences of a text file or of a column file, every tag O.

    A file holds columns where a line has a tab, or where several lines have as many columns each and all end
    in a BIO tag or in one of the ``known`` tags; lines that begin with # may then be comments.

    Raises:
        UserError: a file that cannot be read, holds no sentence or an empty token; names the line.
    """
    lines = read_lines(path, FORMATS)
    rows = [columns_of(line) for line in lines]
    sentences = rows
    if _holds_columns(lines, rows, known):
        file = token_lines(path, lines)
        for number, columns in zip(file.lines, file.rows, strict=True):
            if len(columns) <= file.token or not columns[file.token]:
                raise UserError(f"{path}, line {number}: the token is empty")
        ends = [*file.firsts, len(file.rows)][1:]
        sentences = [
            [columns[file.token] for columns in file.rows[first:end]]
            for first, end in zip(file.firsts, ends, strict=True)
        ]
    filled = [(tokens, [OUTSIDE] * len(tokens)) for tokens in sentences if tokens]
    if not filled:
        raise UserError(f"{path}: no sentence in it; expected {FORMATS}")
    return TaggedSentences.from_sentences(filled)


def _holds_columns(lines: list[str], rows: list[list[str]], known: Collection[str]) -> bool:
    filled = [columns for columns in rows if columns and columns[0] != DOCUMENT]
    filled = [columns for columns in filled if not columns[0].startswith("#")] or filled
    if any("\t" in line for line, columns in zip(lines, rows, strict=True) if columns):
        return True
    widths = {len(columns) for columns in filled}
    ends = [row[-1] for row in filled]
    tagged = all(map(is_tag, ends)) or all(end in known for end in ends)
    return len(filled) > 1 and len(widths) == 1 < max(widths) and tagged
