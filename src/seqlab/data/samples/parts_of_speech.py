"""The embedded sample of plain tags: seeded simple sentences with their parts of speech. All synthetic.

Many words are put together from a stem and an ending, so that a test split holds words that training lacks,
whose ending tells. Others have several tags ("light", "watch", "that"), which only the sentence tells. After
"she sees" nothing tells a noun from an adjective: the best tagger errs there.
"""

from __future__ import annotations

import re

import numpy as np

from seqlab.data.conll import TaggedSentences
from seqlab.errors import UserError

SYNTHETIC_NOTICE = (
    "Synthetic data: made-up simple sentences with parts of speech (tags of Universal Dependencies); figures "
    "on them say that the pipeline works, nothing about real text"
)

_STEMS = "bar cald dorn fenn gald helm kord lamb mard nort ost pell rosk selt tald ulm verd westr yarr zand"
_BOTH = ("watch", "light", "walk", "plan", "drink", "play", "hope", "paint", "call", "look")  # noun and verb
_WORDS = {
    "DET": ("the", "a", "this", "every", "that"),
    "ADP": ("in", "near", "under", "with", "from"),
    "PRON": ("she", "he", "it", "they", "nobody", "that"),
    "AUX": ("can", "will", "may", "must"),
    "CCONJ": ("and", "but", "or"),
    "SCONJ": ("because", "while", "that", "if"),
    "ADV": ("often", "never", "here", "soon"),
    "ADJ": ("old", "new", "light", "quiet", "large"),
    "NOUN": ("house", "river", "teacher", "city", *_BOTH),
    "VERB": ("sees", "finds", "keeps", "likes"),
    "BASE": ("see", "find", "keep", *_BOTH),  # a verb after an auxiliary
    "PROPN": ("Ana", "Ben", "Clara", "Femi", "Hugo", "Yuna"),
}
_ENDINGS = {
    "NOUN": ("ness", "er", "tion", "al"),
    "VERB": ("s", "ed", "izes"),
    "BASE": ("ize", "en"),
    "ADJ": ("ous", "ish", "al"),
    "ADV": ("ly", "wards"),
    "PROPN": ("ton", "sen", "ia"),
}
_TEMPLATES = (
    "DET NOUN VERB DET ADJ NOUN .",
    "DET ADJ NOUN VERB ADV .",
    "PROPN VERB DET NOUN ADP PROPN .",
    "PRON AUX BASE DET NOUN .",
    "PRON AUX ADV BASE ADP DET NOUN .",
    "PROPN CCONJ PROPN AUX BASE NUM NOUN .",
    "DET NOUN ADP DET NOUN VERB ADV .",
    "PRON VERB SCONJ PRON AUX BASE .",
    "ADV , DET NOUN VERB PROPN .",
    "NUM NOUN VERB CCONJ DET ADJ NOUN VERB .",
    "DET NOUN AUX BASE PROPN SCONJ PRON VERB NUM NOUN .",
    "AUX PRON BASE DET ADJ NOUN ?",
    "PRON VERB NOUN .",
    "PRON VERB ADJ .",
)
_SLOT = re.compile(r"[A-Z]+")


def simulate_sentences(*, num_sentences: int = 1200, seed: int = 0) -> TaggedSentences:
    """Made-up sentences with their parts of speech.

    Raises:
        UserError: fewer than 10 sentences.
    """
    if not isinstance(num_sentences, int) or num_sentences < 10:
        raise UserError(f"data.sample.num_sentences={num_sentences}: give a whole number, at least 10")
    rng = np.random.default_rng(seed)
    templates = [_TEMPLATES[number] for number in rng.integers(len(_TEMPLATES), size=num_sentences)]
    return TaggedSentences.from_sentences([_fill(template, rng) for template in templates], "plain")


def _fill(template: str, rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """Tokens and tags of one sentence."""
    tokens, tags = [], []
    for slot in template.split():
        if _SLOT.fullmatch(slot):
            tokens.append(_word(slot, rng))
            tags.append("VERB" if slot == "BASE" else slot)
        else:
            tokens.append(slot)
            tags.append("PUNCT")
    tokens[0] = tokens[0][0].upper() + tokens[0][1:]
    return tokens, tags


def _word(slot: str, rng: np.random.Generator) -> str:
    if slot == "NUM":
        return str(int(rng.integers(2, 900)))
    endings = _ENDINGS.get(slot, ())
    if endings and rng.random() < 0.5:
        stem, ending = _choice(_STEMS.split(), rng), _choice(endings, rng)
        return stem.capitalize() + ending if slot == "PROPN" else stem + ending
    return _choice(_WORDS[slot], rng)


def _choice(words: list[str] | tuple[str, ...], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]
