"""``seqlab predict`` and ``seqlab translate`` for translation models: text in, text out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlab.data.pair_files import clean
from seqlab.data.text_files import read_lines
from seqlab.data.tokenizers import tokenizer_from_state
from seqlab.errors import UserError
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
    tokenizers = [tokenizer_from_state(baggage["data"][f"{side}_tokenizer"]) for side in ("source", "target")]
    translations, hypotheses = translate_texts(task, [clean(line) for line in lines], *tokenizers)
    return translations, [hypothesis.score for hypothesis in hypotheses]
