"""Which sessions of files are trained on and which are tested: files by class, or splits that are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from seqlab.data.sequences import (
    LABEL_ABNORMAL,
    LABEL_NAMES,
    LABEL_NORMAL,
    LABEL_UNKNOWN,
    Sessions,
    concatenate,
    split_by_session,
)
from seqlab.data.sources import Files, Source, chosen_way
from seqlab.data.splits import SPLITS, check_filled, random_parts
from seqlab.errors import UserError

BY_CLASS = ("normal", "abnormal")
TEST_BY_CLASS = ("test_normal", "test_abnormal")


class Classes(NamedTuple):
    """Sessions by class."""

    normal: Sessions
    abnormal: Sessions | None = None

    def joined(self) -> Sessions:
        return self.normal if self.abnormal is None else concatenate([self.normal, self.abnormal])


def session_source(
    files: Mapping[str, Files | None],
    labels: str | Path | None,
    parsed: str | Path | None,
    split: Sequence[float],
) -> Source:
    """How sessions are given.

    Args:
        files: of normal, abnormal, train, val, test, test_normal and test_abnormal; None where not given.
        parsed: the output folder of ``seqlab parse``.

    Raises:
        UserError: files that are missing, or settings that exclude each other.
    """
    by_class = {name: files[name] for name in BY_CLASS}
    by_split = {name: file for name, file in files.items() if name not in BY_CLASS} | {"labels": labels}
    chosen_way({"classes": by_class, "splits": by_split, "parsed": {"sessions": parsed}})
    test_by_class = {name: files[name] for name in TEST_BY_CLASS}
    way = chosen_way({"test": {"test": files["test"], "labels": labels}, "classes": test_by_class})
    lacking = [name for name, file in test_by_class.items() if way == "classes" and file is None]
    if files["abnormal"] is not None and files["normal"] is None:
        lacking = ["normal"]
    if labels is not None and files["train"] is None:
        lacking = ["train"]
    if lacking:
        given = next(name for name, file in {**files, "labels": labels}.items() if file is not None)
        raise UserError(f"data.{given} without data.{lacking[0]}: give both")
    test = files["test"] if way != "classes" else test_by_class["test_normal"]
    return Source(
        whole="normal", path=files["normal"], train=files["train"], val=files["val"], test=test, split=split
    )


def read_files(
    source: Source,
    files: Mapping[str, Files | None],
    labels: str | Path | None,
    seed: int,
    simulate: Callable[[], Classes],
) -> tuple[dict[str, Sessions], list[str]]:
    """The splits of files, and what to tell the reader of the figures.

    All abnormal sessions of ``data.normal`` and ``data.abnormal`` are tested. Of made splits, models learn
    from the normal sessions alone: abnormal ones of train and val are left out. Without ``val`` a part of
    train is cut off, in the proportion of ``data.split``.

    Raises:
        UserError: a file that cannot be read, or a block in two files.
    """
    table = None
    if labels is not None:
        from seqlab.data.session_tables import labels_of, read_labels  # polars

        table = read_labels(labels)
    notices: list[str] = []

    def labelled(given: Files) -> Sessions:
        sessions = read_all(given)
        return sessions if table is None else sessions.with_labels(labels_of(sessions, table, str(labels)))

    def read(name: str, given: Files) -> Classes:
        if name == "normal":
            return _by_class(given, files["abnormal"], notices)
        if name == "test" and files["test_abnormal"] is not None:
            return _two_classes(given, files["test_abnormal"])
        if name == "test":
            sessions = labelled(given)
            if table is None and (sessions.labels == LABEL_UNKNOWN).all():
                notices.append(
                    "no data.labels: train and val are taken for normal, detection cannot be measured"
                )
            return Classes(sessions)
        return Classes(_normal_alone(name, labelled(given), notices))

    def divide(whole: Classes, shares: Sequence[float], origin: str) -> list[Classes]:
        if len(shares) == len(SPLITS):
            splits = split_by_session(whole.normal, None, shares, seed)
            return [Classes(splits["train"]), Classes(splits["val"]), Classes(splits["test"], whole.abnormal)]
        # published figures rest on a validation part that is drawn first and rounded to the nearest
        sessions = whole.normal
        held_out, kept = random_parts(len(sessions), shares[::-1], seed, nearest=True)
        check_filled([kept, held_out], shares, f"{origin}: {len(sessions)} sessions")
        return [Classes(sessions.take(kept)), Classes(sessions.take(held_out))]

    splits = {name: part.joined() for name, part in source.load(read, simulate, divide).items()}
    if source.train is not None:
        check_disjoint({f"data.{name}": part for name, part in splits.items()})
    return splits, notices


def read_all(files: Files) -> Sessions:
    """The sessions of one file or of a list of files, in order.

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
    parts = {path: read_sessions(path) for path in paths}
    if len(parts) == 1:
        return parts[paths[0]]
    check_disjoint(parts)
    return concatenate(list(parts.values()))


def check_disjoint(parts: dict[str, Sessions]) -> None:
    """Raise UserError where a block id stands in two parts: it would be trained on and tested."""
    seen: dict[str, str] = {}
    for name, part in parts.items():
        for block_id in part.ids.tolist():
            if seen.setdefault(block_id, name) != name:
                raise UserError(
                    f"block {block_id} stands in {seen[block_id]} and in {name}; a block is one session"
                )


def _by_class(normal: Files, abnormal: Files | None, notices: list[str]) -> Classes:
    """The sessions of ``data.normal`` and ``data.abnormal``; the first may label some abnormal itself."""
    sessions = read_all(normal)
    is_bad = sessions.labels == LABEL_ABNORMAL
    bad = [sessions.take(is_bad)] if is_bad.any() else []
    if bad:
        notices.append(
            f"{len(bad[0]):,} of {len(sessions):,} sessions of data.normal are labelled abnormal there and "
            f"all are tested: figures at the file's own share need detection.prevalence={is_bad.mean():.5f}"
        )
    good = sessions.take(~is_bad) if bad else sessions
    if abnormal is not None:
        check = read_all(abnormal)
        check_disjoint({"data.normal": sessions, "data.abnormal": check})
        bad.append(_of_one_class(check, LABEL_ABNORMAL, "data.abnormal"))
    return Classes(good.with_labels(LABEL_NORMAL), concatenate(bad) if bad else None)


def _two_classes(normal: Files, abnormal: Files) -> Classes:
    """The test split in two files, by class."""
    good = _of_one_class(read_all(normal), LABEL_NORMAL, "data.test_normal")
    bad = _of_one_class(read_all(abnormal), LABEL_ABNORMAL, "data.test_abnormal")
    check_disjoint({"data.test_normal": good, "data.test_abnormal": bad})
    return Classes(good, bad)


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
