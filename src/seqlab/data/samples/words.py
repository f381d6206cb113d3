"""The words and templates that samples are put together from, and the check of how many are asked for."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import numpy as np

from seqlab.errors import UserError


def sample_words(name: str) -> dict[str, Any]:
    """What the JSON file of a sample holds; its order is the order in which words are drawn."""
    return json.loads(resources.files(__package__).joinpath(f"{name}.json").read_text("utf-8"))


def one_of(choices: list[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


def check_sample_size(name: str, size: object, least: int) -> None:
    """Raise UserError unless a sample holds so many items that it can be split."""
    if not isinstance(size, int) or size < least:
        raise UserError(f"data.sample.{name}={size}: give a whole number, at least {least}")
