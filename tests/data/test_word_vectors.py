from pathlib import Path

import numpy as np
import pytest

from seqlab.data.vocabulary import Vocabulary
from seqlab.data.word_vectors import read_word_vectors
from seqlab.errors import UserError

VOCABULARY = Vocabulary.from_counts({"rain": 3, "new york": 2, "sun": 1}, 5)


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "glove.txt"
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("header", ["", "4 2\n"])
def test_vectors_of_the_vocabularys_words_alone(tmp_path: Path, header: str) -> None:
    text = header + "sun 0.5 -1\nother 9 9\nnew york 1e-1 2\nsun 7 7\n<unk> 1 1\n\n"
    found = read_word_vectors(written(tmp_path, text), VOCABULARY, 2)
    assert [VOCABULARY.tokens[number] for number in found.ids] == ["sun", "new york"]
    np.testing.assert_allclose(found.vectors, [[0.5, -1], [0.1, 2]])
    assert found.vectors.dtype == np.float32


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("sun 1 2\nrain 1\n", r"line 2: 1 numbers after the word, model\.network\.embedding_size is 2"),
        ("sun 1 2 3\n", r"line 1: 3 numbers after the word, model\.network\.embedding_size is 2"),
        ("sun 1 two\n", r"line 1: no finite numbers; expected a word and"),
        ("sun 1 nan\n", r"line 1: no finite numbers"),
        ("moon 1 2\n", r"glove\.txt: it holds no word of the training split"),
        ("", r"glove\.txt: it holds no word"),
        (b"sun 1 2\nr\xff 1 2\n", r"glove\.txt: cannot be read as UTF-8 text: .*0xff"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_word_vectors(written(tmp_path, content), VOCABULARY, 2)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no such file"):
        read_word_vectors(tmp_path / "none.txt", VOCABULARY, 2)
