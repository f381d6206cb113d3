"""Which session goes where. By whole session, by seed, and abnormal ones to the test split alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, LABEL_UNKNOWN, Sessions, concatenate
from seqlab.data.session_files import labels_of, read_labels, read_sessions
from seqlab.errors import UserError

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


def check_fractions(split: Sequence[float]) -> tuple[float, float, float]:
    """The three shares of train, val and test.

    Raises:
        UserError: not three positive numbers with sum 1.
    """
    try:
        shares = tuple(float(share) for share in split)
    except (TypeError, ValueError):
        shares = ()
    if len(shares) != 3 or min(shares, default=0) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise UserError(
            f"data.split={list(shares) or split}: give three positive shares of train, val and test with "
            "sum 1, like [0.7,0.1,0.2]"
        )
    return shares


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


def split_files(
    normal: Files, abnormal: Files | None, split: Sequence[float], seed: int
) -> dict[str, Sessions]:
    """Read ``data.normal`` and ``data.abnormal`` and split them by session."""
    good = read_all(normal).with_labels(LABEL_NORMAL)
    if abnormal is None:
        return split_by_session(good, None, split, seed)
    bad = read_all(abnormal).with_labels(LABEL_ABNORMAL)
    check_disjoint({"data.normal": good, "data.abnormal": bad})
    return split_by_session(good, bad, split, seed)


def given_splits(
    train: Files,
    val: Files | None,
    test: Files,
    labels: str | Path | None,
    split: Sequence[float],
    seed: int,
) -> tuple[dict[str, Sessions], list[str]]:
    """Read splits that the user made; models learn from normal sessions alone.

    With ``labels``, abnormal sessions of train and val are left out and counted in the notices. Without
    ``val`` a share of train is cut off, in the proportion that ``split`` gives.

    Returns:
        The splits, and what to tell the reader of the figures.
    """
    parts = {"train": read_all(train), "test": read_all(test)}
    if val is not None:
        parts["val"] = read_all(val)
    check_disjoint({f"data.{name}": part for name, part in parts.items()})
    notices = []
    if labels is None:
        notices.append("no data.labels: train and val are taken for normal, detection cannot be measured")
        for name in parts.keys() - {"test"}:
            parts[name] = parts[name].with_labels(LABEL_NORMAL)
    else:
        table = read_labels(labels)
        parts = {name: part.with_labels(labels_of(part, table, labels)) for name, part in parts.items()}
    for name in ("train", "val"):
        if name in parts:
            normal = parts[name].labels == LABEL_NORMAL
            if not normal.all():
                notices.append(f"{int((~normal).sum())} abnormal sessions of data.{name} were left out")
                parts[name] = parts[name].take(normal)
            if not len(parts[name]):
                raise UserError(f"data.{name}: no normal session is left; models learn from normal sessions")
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
