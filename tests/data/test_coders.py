import pytest

from seqlab.data.coders import check_coder
from seqlab.data.labelled_text import LabelledText, Names
from seqlab.data.tagged_text import TaggedText
from seqlab.data.text_codec import TextCodec
from seqlab.data.tokenizers import SubwordTokenizer, WordTokenizer
from seqlab.errors import UserError


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
