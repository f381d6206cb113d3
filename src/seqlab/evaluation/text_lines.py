"""What each line of a text cost a language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seqlab.data.text_codec import TextCodec
from seqlab.data.vocabulary import SPECIAL

if TYPE_CHECKING:
    import pandas as pd


def line_table(codec: TextCodec, text: str, nll: NDArray[np.float64]) -> pd.DataFrame:
    """One row per line: its number, tokens, loss in nats per token, tokens that training lacks, its text.

    A line's break belongs to it. The text's first token is predicted by nothing: it counts in no loss, and a
    line of that token alone has none.

    Args:
        nll: (N - 1,) nats of each token of the text but the first.
    """
    import pandas as pd

    lines = text.split("\n")
    lengths = codec.line_lengths(text)
    if not lengths[-1]:  # the text ends with a line break
        lines, lengths = lines[:-1], lengths[:-1]
    starts = np.cumsum(lengths) - lengths
    is_counted = np.arange(int(np.sum(lengths))) > 0
    is_unknown = codec.encode(text) == SPECIAL.unk
    counted = np.add.reduceat(is_counted, starts, dtype=np.int64)
    total = np.add.reduceat(np.concatenate(([0.0], nll)), starts)
    return pd.DataFrame(
        {
            "line": np.arange(1, len(lines) + 1),
            codec.unit_name: lengths,
            "loss": np.where(counted > 0, total / np.maximum(counted, 1), np.nan),
            "unknown": np.add.reduceat(is_unknown, starts, dtype=np.int64),
            "text": lines,
        }
    )
