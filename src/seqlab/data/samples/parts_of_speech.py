"""The embedded sample of plain tags: seeded simple sentences with their parts of speech. All synthetic.

Many words are put together from a stem and an ending, so that a test split holds words that training lacks,
whose ending tells. Others have several tags ("light", "watch", "that"), which only the sentence tells. After
"she sees" nothing tells a noun from an adjective: the best tagger errs there. The slot BASE is a verb after
an auxiliary.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from seqlab.data.samples.words import check_sample_size, one_of, sample_words
from seqlab.data.tagged import TaggedSentences

SYNTHETIC_NOTICE = (
    "Synthetic data: made-up simple sentences with parts of speech (tags of Universal Dependencies); figures "
    "on them say that the pipeline works, nothing about real text"
)


def simulate_sentences(*, num_sentences: int = 1200, seed: int = 0) -> TaggedSentences:
    """Made-up sentences with their parts of speech.

    Raises:
        UserError: fewer than 10 sentences.
    """
    check_sample_size("num_sentences", num_sentences, 10)
    words, rng = sample_words("parts_of_speech"), np.random.default_rng(seed)
    templates = words["templates"]
    chosen = rng.integers(len(templates), size=num_sentences)
    return TaggedSentences.from_sentences([_fill(templates[row], words, rng) for row in chosen], "plain")


def _fill(template: str, words: dict[str, Any], rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Tokens and tags of one sentence."""
    tokens, tags = [], []
    for slot in template.split():
        is_word = slot.isalpha()
        tokens.append(_word(slot, words, rng) if is_word else slot)
        tags.append("PUNCT" if not is_word else "VERB" if slot == "BASE" else slot)
    tokens[0] = tokens[0][0].upper() + tokens[0][1:]
    return tokens, tags


def _word(slot: str, words: dict[str, Any], rng: np.random.Generator) -> str:
    if slot == "NUM":
        return str(int(rng.integers(2, 900)))
    endings = words["endings"].get(slot)
    if endings and rng.random() < 0.5:
        stem, ending = one_of(words["stems"], rng), one_of(endings, rng)
        return stem.capitalize() + ending if slot == "PROPN" else stem + ending
    return one_of(words["words"][slot], rng)
