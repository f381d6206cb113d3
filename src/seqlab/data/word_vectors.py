"""GloVe text files: a word, then its vector, one word a line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlab.data.vocabulary import SPECIAL_TOKENS, Vocabulary
from seqlab.errors import UserError

_FORMAT = "a word and its numbers, separated by single spaces"


@dataclass(frozen=True)
class WordVectors:
    """The vectors that a file holds of a vocabulary's words."""

    ids: NDArray[np.int64]  # (M,) vocabulary ids, each once
    vectors: NDArray[np.float32]  # (M, E)


def read_word_vectors(path: str | Path, vocabulary: Vocabulary, size: int) -> WordVectors:
    """Read the vectors of a vocabulary's words; the first line of a word counts.

    The word2vec header ``count size`` is passed over. Every line's length is checked, the numbers of those
    lines alone that the vocabulary asks for.

    Args:
        size: E, the network's ``embedding_size``.

    Raises:
        UserError: a file that cannot be read, a vector of another size, or what is no number; names the line.
    """
    path = Path(path)
    wanted = {token: number for number, token in enumerate(vocabulary.tokens) if token not in SPECIAL_TOKENS}
    ids: list[int] = []
    rows: list[list[float]] = []
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                where = f"{path}, line {number}"
                word, numbers = _word_and_numbers(raw, where, number, size)
                if word in wanted:
                    ids.append(wanted.pop(word))
                    rows.append(_numbers(numbers, where))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the path is relative to {Path.cwd()}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if not ids:
        raise UserError(f"{path}: it holds no word of the training split; is it a file of word vectors?")
    return WordVectors(np.array(ids, dtype=np.int64), np.array(rows, dtype=np.float32))


def _word_and_numbers(raw: bytes, where: str, number: int, size: int) -> tuple[str, str]:
    """A line's word and its E numbers as text; both empty of a blank line and of a header."""
    try:
        line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip(" \r\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: byte {raw[error.start]:#04x} is not UTF-8 text") from None
    count = line.count(" ")
    is_header = number == 1 and count == 1 and all(part.isdecimal() for part in line.split(" "))
    if not line or is_header:
        return "", ""
    word, _, numbers = line.partition(" ")
    if count > size:  # a word may hold spaces itself
        word, *values = line.rsplit(" ", size)
        numbers = " ".join(values)
    if count < size or (count > size and _is_number(word.rsplit(" ", 1)[-1])):
        found = count if count < size else f"more than {size}"
        raise UserError(
            f"{where}: {found} numbers after the word, model.network.embedding_size is {size}; expected "
            f"{_FORMAT}: set embedding_size to the file's"
        )
    return word, numbers


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _numbers(text: str, where: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(" ")]
    except ValueError as error:
        raise UserError(f"{where}: {error}; expected {_FORMAT}") from None
    if not np.isfinite(values).all():
        raise UserError(f"{where}: a number that is not finite; expected {_FORMAT}")
    return values
