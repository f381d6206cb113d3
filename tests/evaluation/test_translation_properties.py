"""Figures of translations against sacreBLEU's own, for any texts."""

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from seqlab.evaluation.translation_outcome import CorpusScores
from tests.texts import texts

WORDS = ["the", "cat", "sat", "on", "a", "mat", ".", ",", "Zur", "Katze", "닫다"]
SENTENCES = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
TEXTS = st.one_of(SENTENCES, texts(0, 12, without="\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))


@given(
    st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8),
    st.sampled_from(["13a", "intl", "char", "none"]),
)
def test_bleu_and_chrf_are_those_of_sacrebleu(pairs: list[tuple[str, str]], tokenize: str) -> None:
    translations, references = (list(side) for side in zip(*pairs, strict=True))
    scores = CorpusScores.of(translations, references, tokenize)
    expected = sacrebleu.corpus_bleu(translations, [references], tokenize=tokenize)
    assert scores.bleu == pytest.approx(expected.score)
    assert scores.chrf == pytest.approx(sacrebleu.corpus_chrf(translations, [references]).score)
    assert 0 <= scores.bleu <= 100 + 1e-9
    assert f"tok:{tokenize}" in scores.bleu_signature
    order = np.random.default_rng(0).permutation(len(pairs)).tolist()  # a corpus has no order
    again = CorpusScores.of([translations[i] for i in order], [references[i] for i in order], tokenize)
    assert (again.bleu, again.chrf) == (pytest.approx(scores.bleu), pytest.approx(scores.chrf))
