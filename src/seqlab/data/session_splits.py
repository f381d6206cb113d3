"""Files of log sessions: which settings go together, and what is trained on and tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from seqlab.data.label_files import labels_of, read_labels
from seqlab.data.sequences import (
    LABEL_ABNORMAL,
    LABEL_NAMES,
    LABEL_NORMAL,
    LABEL_UNKNOWN,
    Sessions,
    concatenate,
    split_by_session,
)
from seqlab.data.session_files import read_sessions
from seqlab.data.sources import Files
from seqlab.data.splits import check_filled, check_fractions, random_parts
from seqlab.errors import UserError


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
    """The splits of the files that are given, and what to tell of the figures.

    Raises:
        UserError: settings that exclude each other, or a file that cannot be read.
    """
    check_files(files, labels)
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
        whole = parts["train"]
        # published figures rest on a validation part that is drawn first and rounded to the nearest
        held_out, kept = random_parts(len(whole), (val_share, train_share), seed, nearest=True)
        check_filled([kept, held_out], split[:2], f"data.train: {len(whole)} sessions")
        parts["train"], parts["val"] = whole.take(kept), whole.take(held_out)
    return parts, notices
