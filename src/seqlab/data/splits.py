"""How data is cut into train, val and test: at random with groups kept together, label by label, in order.

One rounding rule: a part ends at the whole number below its summed share. Where a published figure rests on
another rule, ``nearest`` keeps it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlab.data.label_files import labels_of, read_labels
from seqlab.data.sequences import (
    LABEL_ABNORMAL,
    LABEL_NAMES,
    LABEL_NORMAL,
    LABEL_UNKNOWN,
    Sessions,
    concatenate,
)
from seqlab.data.session_files import read_sessions
from seqlab.errors import UserError

SPLITS = ("train", "val", "test")


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


Files = str | Path | Sequence[str | Path]


def read_all(files: Files) -> Sessions:
    """The sessions of one file or of a list of files, in order.

    Raises:
        UserError: no file, a file that cannot be read or is given twice, or a block id in two files.
    """
    paths = [files] if isinstance(files, str | Path) else list(files)
    if not paths:
        raise UserError("a list of files with no file in it: give at least one, or null")
    twice = [str(path) for place, path in enumerate(paths) if str(path) in map(str, paths[:place])]
    if twice:
        raise UserError(f"{twice[0]} is given twice; each file of a list is read once")
    parts = [read_sessions(path) for path in paths]
    sessions = concatenate(parts) if len(parts) > 1 else parts[0]
    if len(parts) > 1:
        check_disjoint({str(path): part for path, part in zip(paths, parts, strict=True)})
    return sessions


def check_disjoint(parts: dict[str, Sessions]) -> None:
    """Raise UserError where a block id stands in two parts: it would be trained on and tested."""
    seen: dict[str, str] = {}
    for name, part in parts.items():
        for block_id in part.ids.tolist():
            if seen.setdefault(block_id, name) != name:
                raise UserError(
                    f"block {block_id} stands in {seen[block_id]} and in {name}; a block is one session"
                )


def split_by_session(
    normal: Sessions, abnormal: Sessions | None, split: Sequence[float], seed: int
) -> dict[str, Sessions]:
    """Shuffle normal sessions into train, val and test; abnormal ones join the test split.

    Raises:
        UserError: bad shares, or too few normal sessions to fill the three splits.
    """
    train_share, val_share, _ = check_fractions(split)
    order = np.random.default_rng(seed).permutation(len(normal))
    # 0.7 * 90 is 62.99...: the small number keeps a whole share whole
    first, second = (int(share * len(normal) + 1e-9) for share in (train_share, train_share + val_share))
    if not 0 < first < second < len(normal):
        raise UserError(
            f"data.split={list(split)} leaves a split of {len(normal)} normal sessions empty; give more"
        )
    test = normal.take(order[second:])
    return {
        "train": normal.take(order[:first]),
        "val": normal.take(order[first:second]),
        "test": test if abnormal is None else concatenate([test, abnormal]),
    }


def check_files(files: Mapping[str, Files | None], labels: str | Path | None) -> None:
    """Raise UserError where files are missing, or exclude each other.

    Args:
        files: of normal, abnormal, train, val, test, test_normal and test_abnormal; None where not given.
    """
    given = [name for name, file in files.items() if file is not None]
    by_class = [name for name in given if name in ("normal", "abnormal")]
    by_split = [name for name in given if name not in by_class]
    by_test_class = [name for name in by_split if name.startswith("test_")]
    if by_class and by_split:
        raise UserError(
            f"data.{by_class[0]} and data.{by_split[0]} exclude each other: give data.normal and "
            "data.abnormal, or data.train, data.val, data.test and data.labels"
        )
    if by_class and files["normal"] is None:
        raise UserError("data.abnormal without data.normal: models learn from normal sessions")
    if by_test_class and (files["test"] is not None or labels is not None):
        other = "labels" if files["test"] is None else "test"
        raise UserError(
            f"data.{by_test_class[0]} and data.{other} exclude each other: data.test_normal and "
            "data.test_abnormal say it all"
        )
    if labels is not None and not by_split:
        raise UserError(
            "data.labels goes with data.train and data.test; normal and abnormal files say it all"
        )
    if by_split:
        needed = ["train", "test_normal", "test_abnormal"] if by_test_class else ["train", "test"]
        missing = [name for name in needed if files[name] is None]
        if missing:
            ways = " and ".join(f"data.{name}" for name in needed)
            raise UserError(f"data.{by_split[0]} without data.{missing[0]}: give {ways}")


def read_files(
    files: Mapping[str, Files | None], labels: str | Path | None, split: Sequence[float], seed: int
) -> tuple[dict[str, Sessions], list[str]]:
    """The splits of files that go together (see ``check_files``), and what to tell of the figures."""
    if files["normal"] is not None:
        return split_files(files["normal"], files["abnormal"], split, seed)
    train = files["train"]
    assert train is not None  # see check_files
    return given_splits(
        train,
        files["val"],
        files["test"],
        labels,
        split,
        seed,
        test_normal=files["test_normal"],
        test_abnormal=files["test_abnormal"],
    )


def split_files(
    normal: Files, abnormal: Files | None, split: Sequence[float], seed: int
) -> tuple[dict[str, Sessions], list[str]]:
    """Read ``data.normal`` and ``data.abnormal`` and split them by session.

    Sessions of ``normal`` that its own files label abnormal are tested, as those of ``abnormal`` are.

    Returns:
        The splits, and what to tell the reader of the figures.
    """
    good, notices = read_all(normal), []
    told = good.labels == LABEL_ABNORMAL
    bad = [good.take(told)] if told.any() else []
    if told.any():
        notices.append(
            f"{int(told.sum()):,} of {len(good):,} sessions of data.normal are labelled abnormal there and "
            f"all are tested: figures at the file's own share need detection.prevalence={told.mean():.5f}"
        )
        good = good.take(~told)
    if abnormal is not None:
        given = of_one_class(read_all(abnormal), LABEL_ABNORMAL, "data.abnormal")
        check_disjoint({"data.normal": concatenate([good, *bad]), "data.abnormal": given})
        bad.append(given)
    good = good.with_labels(LABEL_NORMAL)
    return split_by_session(good, concatenate(bad) if bad else None, split, seed), notices


def of_one_class(sessions: Sessions, label: int, name: str) -> Sessions:
    """The sessions under one label.

    Raises:
        UserError: their file labels some of them otherwise.
    """
    others = (sessions.labels != label) & (sessions.labels != LABEL_UNKNOWN)
    if others.any():
        other = LABEL_NAMES[LABEL_NORMAL if label == LABEL_ABNORMAL else LABEL_ABNORMAL]
        raise UserError(
            f"{name}: {int(others.sum()):,} of {len(sessions):,} sessions are labelled {other} in the file; "
            "give a file of both kinds as data.normal alone, which tests the abnormal ones, or as data.test"
        )
    return sessions.with_labels(label)


def given_splits(
    train: Files,
    val: Files | None,
    test: Files | None,
    labels: str | Path | None,
    split: Sequence[float],
    seed: int,
    *,
    test_normal: Files | None = None,
    test_abnormal: Files | None = None,
) -> tuple[dict[str, Sessions], list[str]]:
    """Read splits that the user made; models learn from normal sessions alone.

    With ``labels``, or where the files hold labels, abnormal sessions of train and val are left out and
    counted in the notices. Without ``val`` a share of train is cut off, in the proportion of ``split``.

    Args:
        test_normal, test_abnormal: in place of ``test``, its sessions by class.

    Returns:
        The splits, and what to tell the reader of the figures.
    """
    files = {
        "train": train,
        "test": test,
        "test_normal": test_normal,
        "test_abnormal": test_abnormal,
        "val": val,
    }
    parts = {name: read_all(file) for name, file in files.items() if file is not None}
    check_disjoint({f"data.{name}": part for name, part in parts.items()})
    if test is None:
        good = of_one_class(parts.pop("test_normal"), LABEL_NORMAL, "data.test_normal")
        bad = of_one_class(parts.pop("test_abnormal"), LABEL_ABNORMAL, "data.test_abnormal")
        parts["test"] = concatenate([good, bad])
    notices = []
    if labels is not None:
        table = read_labels(labels)
        parts = {name: part.with_labels(labels_of(part, table, labels)) for name, part in parts.items()}
    elif (parts["test"].labels == LABEL_UNKNOWN).all():
        notices.append("no data.labels: train and val are taken for normal, detection cannot be measured")
    for name in ("train", "val"):
        if name in parts:
            normal = parts[name].labels != LABEL_ABNORMAL
            if not normal.all():
                notices.append(f"{int((~normal).sum())} abnormal sessions of data.{name} were left out")
                parts[name] = parts[name].take(normal)
            if not len(parts[name]):
                raise UserError(f"data.{name}: no normal session is left; models learn from normal sessions")
            parts[name] = parts[name].with_labels(LABEL_NORMAL)
    if val is None:
        train_share, val_share, _ = check_fractions(split)
        order = np.random.default_rng(seed).permutation(len(parts["train"]))
        cut = round(len(order) * val_share / (train_share + val_share))
        if not 0 < cut < len(order):
            raise UserError(f"data.train: {len(order)} sessions are too few to cut a validation part off")
        parts["val"], parts["train"] = parts["train"].take(order[:cut]), parts["train"].take(order[cut:])
    return parts, notices


def has_both_classes(sessions: Sessions) -> bool:
    """True where detection can be measured: normal and abnormal sessions, none unknown."""
    labels = set(np.unique(sessions.labels).tolist())
    return LABEL_UNKNOWN not in labels and labels == {LABEL_NORMAL, LABEL_ABNORMAL}
