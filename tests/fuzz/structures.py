"""Damage to what a file holds, not to its bytes: a key is gone, a number is negative, a list is longer."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import torch

STRANGE: list[Any] = [
    *(None, True, -1, 0, 1, 2**31, 2**63, -(2**70), 10**400, 1.5, -0.5, 1e308, float("nan"), float("inf")),
    *(
        "",
        "x",
        "nan",
        "-1",
        "\ud800",
        "a\nb",
        "\x1b[2J",
        "9" * 5000,
        "y" * 150_000,
        b"x",
        [],
        [[]],
        {},
        [None],
    ),
    *({"": {}}, {"_target_": "os.system"}, ["x"] * 300, torch.zeros(2, 3), torch.full((1,), float("nan"))),
]
DEEP = 100


def damaged(value: Any, count: int, first: int = 0, *, plain: bool = False) -> Iterator[tuple[str, Any]]:
    """Copies of a value, each damaged at one place or two, and what was done: the same in every run.

    Args:
        plain: of JSON's types alone.
    """
    for number in range(first, first + count):
        rng = random.Random(number)
        found, told = copy.deepcopy(value), []
        for _ in range(rng.choice((1, 1, 1, 2))):
            found, how = _damage(found, rng, plain)
            told.append(how)
        yield f"{number}: {', '.join(told)}", found


def _damage(value: Any, rng: random.Random, plain: bool) -> tuple[Any, str]:
    places = list(_places(value))
    if not places:
        return _strange(rng, plain), "all of it replaced"
    holder, key = rng.choice(_near_top(places, rng))
    old = holder[key]
    kind = rng.choice(("drop", "strange", "strange", "number", "width", "nested", "swapped"))
    if kind == "drop" or (kind == "number" and isinstance(holder, dict) and not _is_number(old)):
        del holder[key]
        return value, f"{str(key)[:40]!r} dropped"
    if kind == "number" and _is_number(old):
        third = old / 3 if abs(old) < 2**1000 else 0.5  # a float holds no more
        holder[key] = rng.choice((-old, old + 1, old * 1000, third, -1, 0, str(old), 2**62))
    elif kind == "width" and isinstance(old, list | torch.Tensor) and len(old):
        more = old[: rng.randrange(len(old))]
        joined = torch.cat((old, old)) if isinstance(old, torch.Tensor) else [*old, *old]
        holder[key] = rng.choice((more, joined))
    elif kind == "nested":
        deep: Any = []
        for _ in range(rng.choice((1, 5, DEEP))):
            deep = rng.choice(([deep], {"a": deep}))
        holder[key] = deep
    elif kind == "swapped":
        other, name = rng.choice(places)
        holder[key] = copy.deepcopy(other[name])
    else:
        holder[key] = _strange(rng, plain)
    return value, f"{str(key)[:40]!r}: {kind}"


def _places(value: Any, levels: int = 20) -> Iterator[tuple[Any, Any]]:
    """Every holder and key below a value, as deep as files of the program are; of a long list some."""
    if not levels:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from _places(inner, levels - 1)
    elif isinstance(value, list):
        for key in range(min(len(value), 4)):
            yield value, key
            yield from _places(value[key], levels - 1)


def _near_top(places: list[tuple[Any, Any]], rng: random.Random) -> list[tuple[Any, Any]]:
    """Mostly all places; now and then those alone that a reader meets first."""
    return places[: max(len(places) // 10, 1)] if rng.random() < 0.3 else places


def _strange(rng: random.Random, plain: bool) -> Any:
    return rng.choice([each for each in STRANGE if not plain or not isinstance(each, bytes | torch.Tensor)])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
