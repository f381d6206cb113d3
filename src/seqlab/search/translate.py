"""Texts to translations: encode, sort by length, search in batches, decode."""

from __future__ import annotations

from collections.abc import Sequence

from seqlab.data.pairs import source_batch
from seqlab.data.tokenizers import Tokenizer
from seqlab.search.hypotheses import Hypothesis
from seqlab.tasks.translation import Translation

BATCH_SIZE = 100
BATCH_TOKENS = 20_000  # source tokens of a batch, padding counted: a few long lines need no more memory


def translate_texts(
    task: Translation,
    texts: Sequence[str],
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    *,
    batch_size: int = BATCH_SIZE,
) -> tuple[list[str], list[Hypothesis]]:
    """Translate N texts; an empty one gives an empty translation.

    Returns:
        N translations and the hypotheses they were decoded from, in the order of ``texts``.
    """
    encoded = [source_tokenizer.encode(text) for text in texts]
    order = sorted((row for row in range(len(texts)) if encoded[row]), key=lambda row: len(encoded[row]))
    hypotheses = [Hypothesis([], 0.0)] * len(texts)
    start = 0
    while start < len(order):
        rows = order[start : start + batch_size]
        while len(rows) > 1 and len(rows) * len(encoded[rows[-1]]) > BATCH_TOKENS:
            rows = rows[: len(rows) // 2]
        start += len(rows)
        found = task.search(*source_batch([encoded[row] for row in rows], task.device))
        for row, hypothesis in zip(rows, found, strict=True):
            hypotheses[row] = hypothesis
    return [target_tokenizer.decode(found.tokens) for found in hypotheses], hypotheses
