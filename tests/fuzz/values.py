"""Values of JSON, YAML or a pickle as a forger or a careless editor leaves them."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Iterator
from typing import Any


def damaged(value: Any, rng: random.Random) -> Any:
    """A copy of dicts, lists, texts and numbers in which one to three things changed.

    A key or item is gone, twice or of another kind, a number out of range, a text full of strange characters.
    """
    value = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 2, 3))):
        holders = [holder for holder in _holders(value) if holder]
        if not holders or rng.random() < 0.03:
            return rng.choice(STRANGE)
        holder = rng.choice(holders)
        place = rng.choice([*(holder if isinstance(holder, dict) else range(len(holder)))])
        what = rng.randrange(4)
        if what == 0:
            del holder[place]
        elif what == 1 and isinstance(holder, dict):
            holder[rng.choice(KEYS)] = holder.pop(place)
        elif what == 1:
            holder.insert(place, copy.deepcopy(rng.choice(holder)))
        else:
            holder[place] = _strange(holder[place], rng)
    return value


STRANGE: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        2**31,
        2**63,
        -(2**63) - 1,
        10**5000,
        1e308,
        -0.0,
        float("nan"),
        float("inf"),
        b"\xff",
    ),
    *(
        "",
        " ",
        "\ud800",
        "a\ud800b",
        "\x00",
        "\x1b[2J",
        "a\nb",
        "\r",
        "\u2028",
        "x" * 300,
        "y" * 150_000,
        "nan",
        "1",
    ),
    *([], {}, (), [[]], {"": None}, [None], ["\udfff"], {"a": {"b": {"c": []}}}, list(range(300))),
)
KEYS: tuple[Any, ...] = ("", "\ud800", "\x1b[2J", "new", "z" * 5000, "a\nb", 0, -1, 10**5000, True, None)


def _holders(value: Any) -> Iterator[Any]:
    """All dicts and lists in a value."""
    if isinstance(value, dict | list):
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from _holders(each)


def _strange(value: Any, rng: random.Random) -> Any:
    """Another value, often of the same kind: that is what a check of types lets through."""
    if isinstance(value, bool) or rng.random() < 0.5:
        return rng.choice(STRANGE)
    if isinstance(value, int):
        return rng.choice((-value, value + 1, value * 1000, value / 2, str(value), 2**40))
    if isinstance(value, float):
        return rng.choice(
            (-value, value * 1e30, math.floor(value) if math.isfinite(value) else 0, str(value), 1e-320)
        )
    if isinstance(value, str):
        return rng.choice(
            (value + "\x1b[2J", value + "\ud800", value * 300, value[1:], f"\n{value}\r", value.upper())
        )
    return rng.choice(STRANGE)
