"""Made-up family names by country: syllables and endings that sound like the place, drawn by seed.

names.json has, by country, its weight among the names, first, middle and last syllables, and the chance of 0,
1, ... middle ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from seqlab.data.labelled import LabelledItems
from seqlab.data.labelled_text import written_form
from seqlab.data.samples.words import check_sample_size, one_of, sample_words
from seqlab.data.text_files import clean

SYNTHETIC_NOTICE = (
    "Synthetic data: made-up names put together from syllables by country, no file was given. Use data.path= "
    "or data.train= data.test= for real names."
)
_MOVED = 0.08  # share of the names whose label is drawn anew
_WITHOUT_ACCENTS = 0.4  # share of the names that lose the accents they have
_KOREAN_ROMAN = dict(zip("민서지현수영준", ("Min", "Seo", "Ji", "Hyun", "Soo", "Young", "Jun"), strict=True))


def simulate_names(*, num_names: int = 3000, seed: int = 0) -> LabelledItems:
    """Made-up names of ten countries, unevenly many; some are drawn more than once.

    Some are written without their accents, and some families have moved: their label is the country they
    came to, so that no rule is right about all.

    Raises:
        UserError: fewer than 60 names.
    """
    check_sample_size("num_names", num_names, 60)
    rng = np.random.default_rng(seed)
    sounds = sample_words("names")
    labels = list(sounds)
    weights = np.array([sound["weight"] for sound in sounds.values()])
    lives, came = rng.choice(len(labels), size=(2, num_names), p=weights / weights.sum())
    origins = np.where(rng.random(num_names) < _MOVED, came, lives)
    plain = rng.random(num_names) < _WITHOUT_ACCENTS
    names = tuple(
        clean(written_form(_name(sounds[labels[origin]], rng), ascii=bare))
        for origin, bare in zip(origins.tolist(), plain.tolist(), strict=True)
    )
    lines = np.arange(1, num_names + 1)
    return LabelledItems(names, tuple(labels[place] for place in lives.tolist()), lines, "data.sample")


def _name(sound: dict[str, Any], rng: np.random.Generator) -> str:
    first = one_of(sound["first"].split(), rng)
    chances = sound["num_middle"]
    middle = [one_of(sound["middle"].split(), rng) for _ in range(int(rng.choice(len(chances), p=chances)))]
    if first.isascii() and "김" in sound["first"]:  # a Korean name in Roman letters keeps to them
        return " ".join([first, *(_KOREAN_ROMAN[part] for part in middle if part in _KOREAN_ROMAN)])
    return first + "".join(middle) + one_of(sound["last"].split(), rng)
