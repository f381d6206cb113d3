"""``seqlab predict`` and ``seqlab translate`` for translation models: text in, text out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from seqlab.data.batches import TranslationBatch
from seqlab.data.pair_files import clean
from seqlab.data.text_files import read_lines
from seqlab.data.tokenizers import Tokenizer, tokenizer_from_state
from seqlab.data.translation_batches import PairDataset, encode_pairs
from seqlab.errors import UserError
from seqlab.prediction.items import as_list
from seqlab.search.translate import translate_texts
from seqlab.tasks.base import SequenceTask
from seqlab.tasks.translation import Translation

if TYPE_CHECKING:
    import pandas as pd


def predict_translations(task: SequenceTask, baggage: dict[str, Any], path: Path) -> pd.DataFrame:
    """One row per line of a text file: source, translation, score (log-probability over the length penalty).

    Raises:
        UserError: a file that is not UTF-8 text, or holds no line.
    """
    import pandas as pd

    lines = read_lines(path)
    translations, scores = translate_lines(task, baggage, lines)
    return pd.DataFrame({"source": lines, "translation": translations, "score": scores})


def translate_lines(
    task: SequenceTask, baggage: dict[str, Any], lines: list[str]
) -> tuple[list[str], list[float]]:
    """Translate lines, cleaned as training pairs were, with a checkpoint's own tokenizers.

    An empty line stays empty.

    Raises:
        UserError: the checkpoint is of another kind of model.
    """
    if not isinstance(task, Translation):
        raise UserError(f"this checkpoint holds {type(task).__name__}, which does not translate")
    tokenizers = _tokenizers(baggage["data"])
    translations, hypotheses = translate_texts(task, [clean(line) for line in lines], *tokenizers)
    return translations, [hypothesis.score for hypothesis in hypotheses]


def _tokenizers(state: dict[str, Any]) -> tuple[Tokenizer, Tokenizer]:
    """Of source and target, as a checkpoint holds them."""
    return tokenizer_from_state(state["source_tokenizer"]), tokenizer_from_state(state["target_tokenizer"])


def encoder(baggage: dict[str, Any]) -> Callable[[Any], TranslationBatch]:
    """Source sentences to a batch, whose targets are empty.

    Args:
        baggage: of the checkpoint; see ``load_task``.
    """
    state = baggage["data"]
    tokenizers = _tokenizers(state)

    def encode(items: Any) -> TranslationBatch:
        pairs = [(clean(text), "") for text in as_list(items, "source sentences")]
        return PairDataset(encode_pairs(pairs, *tokenizers), torch.device("cpu"))[torch.arange(len(pairs))]

    return encode
