"""GloVe text files: a word, then its vector, one word a line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlab.data.line_counts import BLANK, LineCounts
from seqlab.data.vocabulary import SPECIAL_TOKENS, Vocabulary
from seqlab.errors import UserError, missing_file, shown

_LARGEST = float(np.finfo(np.float32).max)
_FORMAT = "a word and its numbers, separated by single spaces"


@dataclass(frozen=True)
class WordVectors:
    """The vectors that a file holds of a vocabulary's words."""

    ids: NDArray[np.int64]  # (M,) vocabulary ids, each once
    vectors: NDArray[np.float32]  # (M, E)


def read_word_vectors(
    path: str | Path, vocabulary: Vocabulary, size: int, counts: LineCounts | None = None
) -> WordVectors:
    """Read the vectors of a vocabulary's words; the first line of a word counts.

    The word2vec header ``count size`` is passed over. A word may hold spaces itself.

    Args:
        size: E, the network's ``embedding_size``.

    Raises:
        UserError: a file that cannot be read, a vector of another size, or what is no number; names the line.
    """
    path = Path(path)
    wanted = {token: number for number, token in enumerate(vocabulary.tokens) if token not in SPECIAL_TOKENS}
    counts = counts or LineCounts(path)
    found: dict[int, list[float]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            for number, written in enumerate(file, start=1):
                line = written.rstrip(" \r\n")
                word, *numbers = line.rsplit(" ", size)
                counts.lines = number
                if not word or (number == 1 and line.count(" ") == 1):
                    counts.skipped["the header" if word else BLANK] += 1
                    continue
                if len(numbers) != size or (" " in word and _is_number(word.rsplit(" ", 1)[-1])):
                    raise UserError(
                        f"{path}, line {number}: {line.count(' ')} numbers after the word, "
                        f"model.network.embedding_size is {size}; expected {_FORMAT}: set embedding_size to "
                        "the file's"
                    )
                if word not in wanted:
                    counts.skipped["of other words"] += 1
                else:
                    if not all(map(_is_number, numbers)):
                        raise UserError(f"{path}, line {number}: no finite numbers; expected {_FORMAT}")
                    found[wanted.pop(word)] = [float(each) for each in numbers]
    except FileNotFoundError:
        raise missing_file(path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text: {shown(error)}") from None
    if not found:
        raise UserError(f"{path}: it holds no word of the training split; is it a file of word vectors?")
    return WordVectors(
        np.array(list(found), dtype=np.int64), np.array(list(found.values()), dtype=np.float32)
    )


def _is_number(text: str) -> bool:
    """Whether it is a number that single precision can hold."""
    try:
        return abs(float(text)) <= _LARGEST
    except ValueError:
        return False
