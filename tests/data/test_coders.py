from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from seqlab.data.coders import check_coder, check_plain
from seqlab.data.labelled_text import LabelledText
from seqlab.data.names import Names
from seqlab.data.tagged_text import TaggedText
from seqlab.data.text_codec import TextCodec
from seqlab.data.tokenizers import SubwordTokenizer, WordTokenizer
from seqlab.errors import UserError


def test_what_a_checkpoint_can_hold_is_plain() -> None:
    check_plain({"a": [1, 2.5, True, None, "x", (b"y",)], 3: {"t": torch.zeros(2)}}, "state()")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"scale": {"mean": np.float64(1.5)}}, r"state\(\)\['scale'\]\['mean'\] is a numpy.float64"),
        ({"counts": [1, np.int64(2)]}, r"state\(\)\['counts'\]\[1\] is a numpy.int64"),
        ({"rows": np.zeros(2)}, r"state\(\)\['rows'\] is a numpy.ndarray.* array.tolist\(\)"),
        ({"seen": Counter("aab")}, r"state\(\)\['seen'\] is a collections.Counter"),
        ({"labels": {"a", "b"}}, r"state\(\)\['labels'\] is a builtins.set"),
        ({np.int64(3): "x"}, r"the key .*3.* of state\(\) is a numpy.int64"),
    ],
)
def test_what_it_cannot_is_named_by_key_and_type(value: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_plain(value, "state()")


def test_every_coder_of_text_comes_back_from_its_state() -> None:
    texts = ["ab ba", "a b, ab!"] * 4
    names, tags = Names(sample={"num_names": 60}), TaggedText(sample={"num_sentences": 20})
    for data in (names, tags):
        data.setup()
    coders = [
        WordTokenizer.train(texts, lower=True),
        SubwordTokenizer.train(texts, vocab_size=12),
        TextCodec.fit("\n".join(texts), "word"),
        names.coder,
        tags.coder,
    ]
    for coder in coders:
        again = check_coder(coder, "ab!", coder.state())
        assert again is not coder
        assert again.state() == coder.state()


def test_a_coder_that_comes_back_as_another_is_told() -> None:
    coder = WordTokenizer.train(["ab b"])
    with pytest.raises(UserError, match=r"WordTokenizer\.from_state: state\(\) has no 'vocabulary'"):
        check_coder(coder, "ab", {"kind": "word", "lower": False})
    other = WordTokenizer.train(["b b ab"]).state()
    with pytest.raises(UserError, match="is another coder: it reads 'ab' as other ids"):
        check_coder(coder, "ab", other)


@pytest.mark.parametrize("kind", [Names, LabelledText])
def test_texts_are_cleaned_as_their_files_are(kind: type[LabelledText]) -> None:
    data = kind(sample={"num_names" if kind is Names else "num_texts": 60})
    data.setup()
    for coder in (data.coder, type(data.coder).from_state(data.coder.state())):
        assert coder.encode("  Caf\u0065\u0301\t  Mu\u0308ller ") == coder.encode("Café Müller")
        assert coder.tokens("  Cafe\u0301  M ") == coder.tokens("Café M")
