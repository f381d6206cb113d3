"""Made-up support tickets of five kinds: an opening, what happened, what is wanted, drawn by seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqlab.data.labelled import LabelledItems
from seqlab.data.samples.words import check_sample_size, one_of, sample_words
from seqlab.data.text_files import clean

SYNTHETIC_NOTICE = (
    "Synthetic data: made-up support tickets put together from phrases by kind, no file was given. Use "
    "data.path= or data.train= data.test= for real texts."
)
_MISTAKEN = 0.04  # share of the tickets that somebody filed under another kind


def simulate_tickets(*, num_texts: int = 2000, seed: int = 0) -> LabelledItems:
    """Made-up tickets, unevenly many of each kind; some are filed under the wrong one, so no rule is right
    about all.

    Raises:
        UserError: fewer than 60 texts.
    """
    check_sample_size("num_texts", num_texts, 60)
    rng = np.random.default_rng(seed)
    words = sample_words("tickets")
    kinds = list(words["kinds"])
    shares = np.array([kind["share"] for kind in words["kinds"].values()])
    written = rng.choice(len(kinds), size=num_texts, p=shares)
    filed = np.where(rng.random(num_texts) < _MISTAKEN, rng.integers(len(kinds), size=num_texts), written)
    texts = tuple(_ticket(words, kinds[kind], rng) for kind in written.tolist())
    lines = np.arange(1, num_texts + 1)
    return LabelledItems(texts, tuple(kinds[kind] for kind in filed.tolist()), lines, "data.sample")


def _ticket(words: dict[str, Any], kind: str, rng: np.random.Generator) -> str:
    phrases = words["kinds"][kind]
    what = one_of(phrases["happened"], rng)
    what = what.format(thing=one_of(words["things"], rng), when=one_of(words["when"], rng))
    opening = one_of(words["openings"], rng)
    body = what if opening.endswith(",") else what[0].upper() + what[1:]
    wanted = one_of(phrases["wanted"], rng) if rng.random() < 0.7 else ""
    return clean(f"{opening} {body}. {wanted} {one_of(words['closings'], rng)}")
