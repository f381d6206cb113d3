"""How data is cut into train, val and test: at random with groups kept together, label by label, in order.

One rounding rule: a part ends at the whole number below its summed share. Where a published figure rests on
another rule, ``nearest`` keeps it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlab.errors import UserError

SPLITS = ("train", "val", "test")
Files = str | Path | Sequence[str | Path]  # of a setting that names one file or several


def check_fractions(split: Sequence[float], *, may_be_zero: str | None = None) -> tuple[float, float, float]:
    """The three shares of train, val and test.

    Args:
        may_be_zero: the split that a user may go without: ``val`` or ``test``.

    Raises:
        UserError: not three positive numbers with sum 1.
    """
    try:
        shares = tuple(float(share) for share in split)
    except (TypeError, ValueError):
        shares = ()
    positive = [share for name, share in zip(SPLITS, shares, strict=False) if share or name != may_be_zero]
    if len(shares) != 3 or min(positive, default=0) <= 0 or abs(sum(shares) - 1) > 1e-6:
        allowed = "" if may_be_zero is None else f"; {may_be_zero} may be 0"
        raise UserError(
            f"data.split={list(shares) or split}: give three positive shares of train, val and test with "
            f"sum 1, like [0.7,0.1,0.2]{allowed}"
        )
    return shares


def part_ends(num: int, shares: Sequence[float], *, nearest: bool = False) -> list[int]:
    """Where each part of ``num`` items ends; the last end is ``num``.

    Args:
        shares: of the parts; their sum need not be 1.
        nearest: ends are rounded to the nearest whole number, not down.
    """
    ends = np.cumsum(shares) / sum(shares) * num
    # 0.7 * 90 is 62.99...: the small number keeps a whole share whole
    rounded = np.rint(ends) if nearest else np.floor(ends + 1e-9)
    return [*rounded.astype(int).tolist()[:-1], num]


def parts_in_order(
    rows: NDArray[np.int64], shares: Sequence[float], *, nearest: bool = False
) -> list[NDArray[np.int64]]:
    """Rows cut one part after the other: in order of time, where they are in that order."""
    return np.split(rows, part_ends(len(rows), shares, nearest=nearest)[:-1])


def random_parts(
    num: int,
    shares: Sequence[float],
    seed: int,
    *,
    groups: NDArray[np.int64] | None = None,
    nearest: bool = False,
) -> list[NDArray[np.int64]]:
    """The row numbers of each part, drawn by seed.

    Args:
        num: how many rows there are.
        groups: (num,) the group of each row, from 0: whole groups are drawn, shares are of the groups, and
            the rows of a part keep their order. Without groups rows are in the order in which they are drawn.
        nearest: see ``part_ends``.
    """
    num_drawn = num if groups is None else int(groups.max(initial=-1)) + 1
    parts = parts_in_order(np.random.default_rng(seed).permutation(num_drawn), shares, nearest=nearest)
    return parts if groups is None else [np.flatnonzero(np.isin(groups, part)) for part in parts]


def parts_by_label(
    labels: Sequence[str], shares: Sequence[float], seed: int, *, groups: NDArray[np.int64]
) -> list[NDArray[np.int64]]:
    """The row numbers of each part, drawn by seed so that each label is divided alike; rows keep their order.

    Whole groups are drawn, under the label that most of their rows have. Of each label the sizes of all parts
    but the first are rounded to the nearest whole number, the last part's first, and the first part keeps the
    rest: at least one group. A label that would occur in later parts alone goes to the first with its groups.

    Args:
        labels: (N,) of the rows.
        groups: (N,) the group of each row, from 0.
    """
    seen: list[Counter[str]] = [Counter() for _ in range(int(groups.max(initial=-1)) + 1)]
    rows = list(zip(groups.tolist(), labels, strict=True))
    for group, label in rows:
        seen[group][label] += 1
    main_labels = np.array([counts.most_common(1)[0][0] for counts in seen])
    rng = np.random.default_rng(seed)
    part_of_group = np.zeros(len(seen), dtype=np.int64)
    for label in sorted(set(main_labels)):
        own = rng.permutation(np.flatnonzero(main_labels == label))
        first = 0
        for part in range(len(shares) - 1, 0, -1):
            size = min(int(len(own) * shares[part] / sum(shares) + 0.5), len(own) - first - 1)
            part_of_group[own[first : first + size]] = part
            first += size
    known = {label for group, label in rows if part_of_group[group] == 0}
    for group, label in rows:
        if label not in known:
            part_of_group[group] = 0
            known |= set(seen[group])
    return [np.flatnonzero(part_of_group[groups] == part) for part in range(len(shares))]


def group_numbers(keys: Iterable[Hashable]) -> NDArray[np.int64]:
    """(N,) a number for each key, equal for equal keys, from 0 in the order of their first rows."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def check_filled(parts: Sequence[NDArray[np.int64]], shares: Sequence[float], what: str) -> None:
    """Raise UserError where a part holds nothing.

    Args:
        what: what was cut, such as ``data.path: 3 distinct names``.
    """
    empty = [name for name, part in zip(SPLITS, parts, strict=False) if not len(part)]
    if empty:
        raise UserError(
            f"{what} are too few for data.split={list(shares)}: nothing is left for {empty[0]}; give more"
        )
