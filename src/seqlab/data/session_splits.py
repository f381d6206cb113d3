"""Which sessions are trained on and which are tested: files by class, or splits that are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlab.data.line_counts import LineCounts
from seqlab.data.sequences import (
    LABEL_ABNORMAL,
    LABEL_NAMES,
    LABEL_NORMAL,
    LABEL_UNKNOWN,
    Sessions,
    Splits,
    concatenate,
    split_by_session,
)
from seqlab.data.sources import Files, chosen_way
from seqlab.data.splits import SPLITS, check_filled, random_parts
from seqlab.errors import UserError, shown

BY_CLASS = ("normal", "abnormal")
TEST_BY_CLASS = ("test_normal", "test_abnormal")
Given = Mapping[str, Files | None]


def check_given(files: Given, labels: str | Path | None, parsed: str | Path | None) -> None:
    """Raise UserError for settings that exclude each other, or of which one lacks another.

    Args:
        files: of normal, abnormal, train, val, test, test_normal and test_abnormal; None where not given.
        parsed: the output folder of ``seqlab parse``.
    """
    given = {name: file for name, file in {**files, "labels": labels}.items() if file is not None}
    by_split = {name: given.get(name) for name in (*SPLITS, *TEST_BY_CLASS, "labels")}
    by_class = {name: given.get(name) for name in BY_CLASS}
    way = chosen_way({"classes": by_class, "splits": by_split, "parsed": {"sessions": parsed}})
    test_by_class = {name: given.get(name) for name in TEST_BY_CLASS}
    test_way = chosen_way(
        {"test": {name: given.get(name) for name in ("test", "labels")}, "by": test_by_class}
    )
    if way == "classes" and "normal" not in given:
        raise UserError("data.abnormal without data.normal: give both")
    if way != "splits":
        return
    lacking = [name for name in TEST_BY_CLASS if test_way == "by" and name not in given]
    if lacking or [*given] == ["labels"]:
        raise UserError(f"data.{next(iter(given))} without data.{[*lacking, 'train'][0]}: give both")
    for name in ("train", "test_normal" if test_way == "by" else "test"):
        if name not in given:
            raise UserError(f"data.{name} is missing: give data.train and data.test, or data.normal")


def split_given(files: Given, labels: str | Path | None, split: Sequence[float], seed: int) -> Splits:
    """The splits of files.

    All abnormal sessions of ``data.normal`` and ``data.abnormal`` are tested. Of made splits, models learn
    from the normal sessions alone: abnormal ones of train and val are left out. Without ``val`` a part of
    train is cut off, in the proportion of ``data.split``.

    Raises:
        UserError: a file that cannot be read, or a block in two files.
    """
    if files["normal"] is not None:
        return _by_class(files["normal"], files["abnormal"], split, seed)
    notices: list[str] = []
    parts = {name: read_all(given, notices) for name, given in files.items() if given is not None}
    if labels is not None:
        from seqlab.data.session_files import labels_of, read_labels

        counts = LineCounts(labels)
        table = read_labels(labels, counts)
        parts = {name: part.with_labels(labels_of(part, table, labels)) for name, part in parts.items()}
        counts.skipped["of blocks in no file"] = len(table.keys() - _ids(parts.values()))
        notices += counts.notices()
    elif "test" in parts and (parts["test"].labels == LABEL_UNKNOWN).all():
        notices.append("no data.labels: train and val are taken for normal, detection cannot be measured")
    for name in ("train", "val"):
        if name in parts:
            parts[name] = _normal_alone(name, parts[name], notices)
    if "test_normal" in parts:
        by_class = {"normal": parts.pop("test_normal"), "abnormal": parts.pop("test_abnormal")}
        good = _of_one_class(by_class["normal"], LABEL_NORMAL, "data.test_normal")
        bad = _of_one_class(by_class["abnormal"], LABEL_ABNORMAL, "data.test_abnormal")
        check_disjoint({"data.test_normal": good, "data.test_abnormal": bad})
        parts["test"] = concatenate([good, bad])
    check_disjoint({f"data.{name}": part for name, part in parts.items()})
    if "val" not in parts:
        # published figures rest on a validation part that is drawn first and rounded to the nearest
        whole, shares = parts["train"], split[:2]
        held_out, kept = random_parts(len(whole), shares[::-1], seed, nearest=True)
        check_filled([kept, held_out], shares, f"data.train: {len(whole)} sessions")
        parts |= {"train": whole.take(kept), "val": whole.take(held_out)}
    return {name: parts[name] for name in SPLITS}, notices


def prevalence_notice(is_bad: NDArray[np.bool_], whose: str) -> str:
    """What to say where all abnormal sessions are tested, and of the normal ones a part."""
    return (
        f"{int(is_bad.sum()):,} of {len(is_bad):,} sessions of {whose} are labelled abnormal and all are "
        f"tested: figures at their true share need detection.prevalence={is_bad.mean():.5f}"
    )


def check_disjoint(parts: dict[str, Sessions]) -> None:
    """Raise UserError where a block id stands in two parts: it would be trained on and tested."""
    seen: dict[str, str] = {}
    for name, part in parts.items():
        for block_id in part.ids.tolist():
            if seen.setdefault(block_id, name) != name:
                raise UserError(
                    f"block {shown(block_id)} stands in {seen[block_id]} and in {name}; "
                    "a block is one session"
                )


def _by_class(normal: Files, abnormal: Files | None, split: Sequence[float], seed: int) -> Splits:
    """The sessions of ``data.normal`` and ``data.abnormal``; the first may label some abnormal itself."""
    notices: list[str] = []
    sessions = read_all(normal, notices)
    is_bad = sessions.labels == LABEL_ABNORMAL
    bad = [sessions.take(is_bad)] if is_bad.any() else []
    notices += [prevalence_notice(is_bad, "data.normal")] if bad else []
    if abnormal is not None:
        check = _of_one_class(read_all(abnormal, notices), LABEL_ABNORMAL, "data.abnormal")
        check_disjoint({"data.normal": sessions, "data.abnormal": check})
        bad.append(check)
    good = sessions.take(~is_bad).with_labels(LABEL_NORMAL)
    return split_by_session(good, concatenate(bad) if bad else None, split, seed), notices


def read_all(files: Files, notices: list[str]) -> Sessions:
    """The sessions of one file or of a list of files, in order; adds what was left out to ``notices``.

    Raises:
        UserError: no file, a file that cannot be read or is given twice, or a block id in two files.
    """
    from seqlab.data.session_files import read_sessions

    paths = [str(path) for path in ([files] if isinstance(files, str | Path) else files)]
    if not paths:
        raise UserError("a list of files with no file in it: give at least one, or null")
    if len(set(paths)) < len(paths):
        twice = next(path for path in paths if paths.count(path) > 1)
        raise UserError(f"{twice} is given twice; each file of a list is read once")
    counts = {path: LineCounts(path) for path in paths}
    parts = {path: read_sessions(path, counts[path]) for path in paths}
    notices += [notice for each in counts.values() for notice in each.notices()]
    check_disjoint(parts)
    return concatenate(list(parts.values())) if len(parts) > 1 else parts[paths[0]]


def _ids(parts: Iterable[Sessions]) -> set[str]:
    """The blocks of all parts."""
    return {block_id for part in parts for block_id in part.ids.tolist()}


def _of_one_class(sessions: Sessions, label: int, name: str) -> Sessions:
    """The sessions under one label; raises UserError where their file labels some of them otherwise."""
    others = (sessions.labels != label) & (sessions.labels != LABEL_UNKNOWN)
    if others.any():
        other = LABEL_NAMES[LABEL_NORMAL if label == LABEL_ABNORMAL else LABEL_ABNORMAL]
        raise UserError(
            f"{name}: {int(others.sum()):,} of {len(sessions):,} sessions are labelled {other} in the file; "
            "give a file of both kinds as data.normal alone, which tests the abnormal ones, or as data.test"
        )
    return sessions.with_labels(label)


def _normal_alone(name: str, sessions: Sessions, notices: list[str]) -> Sessions:
    """What is not labelled abnormal; raises UserError where nothing is left."""
    normal = sessions.labels != LABEL_ABNORMAL
    if not normal.all():
        notices.append(f"{int((~normal).sum())} abnormal sessions of data.{name} were left out")
        sessions = sessions.take(normal)
    if not len(sessions):
        raise UserError(f"data.{name}: no normal session is left; models learn from normal sessions")
    return sessions.with_labels(LABEL_NORMAL)
