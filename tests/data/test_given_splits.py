"""Splits that are made already: files for train, val and test, with labels or by class."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.data.sequences import (
    LABEL_ABNORMAL,
    LABEL_NORMAL,
    LABEL_UNKNOWN,
    Sessions,
    has_both_classes,
)
from seqlab.errors import UserError

Write = Callable[[str, list[str]], Path]
SHARES = (0.7, 0.1, 0.2)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, lines: list[str]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return write_file


def blocks(first: int, end: int, key: str = "5") -> list[str]:
    """Lines of the blocks ``first`` to ``end - 1``; each has its own number as its last key."""
    return [f"blk_{number},{key} {number}" for number in range(first, end)]


def ids(sessions: Sessions) -> list[str]:
    return sessions.ids.tolist()


def keys_belong_to_ids(sessions: Sessions) -> bool:
    return all(f"blk_{sessions.keys(place)[-1]}" == name for place, name in enumerate(ids(sessions)))


# -- splits that are made already ----------------------------------------------------------------------


def label_file(write: Write, abnormal: set[int], end: int) -> Path:
    rows = [f"blk_{number},{'Anomaly' if number in abnormal else 'Normal'}" for number in range(end)]
    return write("anomaly_label.csv", ["BlockId,Label", *rows])


def test_given_splits_with_labels_leave_abnormal_sessions_out_of_training(
    write: Write, given_splits: Callable[..., Any]
) -> None:
    splits, notices = given_splits(
        write("train", blocks(0, 10)),
        write("val", blocks(10, 15)),
        write("test", blocks(15, 20)),
        label_file(write, {0, 3, 14, 17, 19}, 20),
        SHARES,
        seed=0,
    )
    assert ids(splits["train"]) == [f"blk_{number}" for number in (1, 2, 4, 5, 6, 7, 8, 9)]
    assert ids(splits["val"]) == [f"blk_{number}" for number in (10, 11, 12, 13)]
    assert splits["test"].labels.tolist() == [0, 0, 1, 0, 1]
    assert set(splits["train"].labels) == set(splits["val"].labels) == {LABEL_NORMAL}
    assert notices == [
        "2 abnormal sessions of data.train were left out",
        "1 abnormal sessions of data.val were left out",
    ]
    assert has_both_classes(splits["test"])
    assert all(keys_belong_to_ids(part) for part in splits.values())


def test_given_normal_splits_need_no_notice(write: Write, given_splits: Callable[..., Any]) -> None:
    labels = label_file(write, {5}, 6)
    files = [write(name, blocks(2 * n, 2 * n + 2)) for n, name in enumerate(("train", "val", "test"))]
    splits, notices = given_splits(*files, labels, SHARES, seed=0)
    assert notices == []
    assert [len(splits[name]) for name in ("train", "val", "test")] == [2, 2, 2]


def test_given_splits_without_labels_say_so(write: Write, given_splits: Callable[..., Any]) -> None:
    files = [write(name, blocks(2 * n, 2 * n + 2)) for n, name in enumerate(("train", "val", "test"))]
    splits, notices = given_splits(*files, None, SHARES, seed=0)
    assert notices == ["no data.labels: train and val are taken for normal, detection cannot be measured"]
    assert set(splits["train"].labels) == set(splits["val"].labels) == {LABEL_NORMAL}
    assert set(splits["test"].labels) == {LABEL_UNKNOWN}
    assert not has_both_classes(splits["test"])


def test_missing_val_is_cut_off_train_in_proportion(write: Write, given_splits: Callable[..., Any]) -> None:
    train, test = write("train", blocks(0, 40)), write("test", blocks(40, 45))
    by_seed = [given_splits(train, None, test, None, SHARES, seed)[0] for seed in (0, 0, 1)]
    splits, again, other = by_seed
    assert (len(splits["train"]), len(splits["val"]), len(splits["test"])) == (35, 5, 5)  # 0.1 of 0.8
    assert set(ids(splits["train"])) | set(ids(splits["val"])) == {f"blk_{number}" for number in range(40)}
    assert ids(splits["val"]) == ids(again["val"])
    assert set(ids(splits["val"])) != set(ids(other["val"]))
    assert ids(splits["test"]) == [f"blk_{number}" for number in range(40, 45)]
    assert all(keys_belong_to_ids(part) for part in splits.values())


def test_val_is_cut_off_after_abnormal_sessions_are_left_out(
    write: Write, given_splits: Callable[..., Any]
) -> None:
    labels = label_file(write, set(range(8)), 26)
    splits, notices = given_splits(
        write("train", blocks(0, 24)), None, write("test", blocks(24, 26)), labels, SHARES, seed=0
    )
    assert (len(splits["train"]), len(splits["val"])) == (14, 2)
    left = set(ids(splits["train"])) | set(ids(splits["val"]))
    assert left == {f"blk_{number}" for number in range(8, 24)}
    assert notices == ["8 abnormal sessions of data.train were left out"]


def test_the_test_split_in_two_files_by_class(write: Write, given_splits: Callable[..., Any]) -> None:
    splits, notices = given_splits(
        write("hdfs_train", ["5 22", "5 9", *["5 5"] * 38]),
        None,
        None,
        None,
        SHARES,
        seed=0,
        test_normal=write("hdfs_test_normal", ["5 22", "9"]),
        test_abnormal=write("hdfs_test_abnormal", ["7", "7 7", "E5"]),
    )
    assert notices == []
    assert [len(splits[name]) for name in ("train", "val", "test")] == [35, 5, 5]
    assert set(splits["train"].labels) == set(splits["val"].labels) == {LABEL_NORMAL}
    assert splits["test"].labels.tolist() == [LABEL_NORMAL] * 2 + [LABEL_ABNORMAL] * 3
    assert [splits["test"].keys(place) for place in range(5)] == [
        ["5", "22"],
        ["9"],
        ["7"],
        ["7", "7"],
        ["E5"],
    ]
    assert has_both_classes(splits["test"])


def test_a_file_that_labels_its_sessions_is_split_by_class(
    write: Write, given_splits: Callable[..., Any], split_files: Callable[..., Any]
) -> None:
    rows = [f'blk_{n},{"Fail" if n in (3, 8) else "Success"},"[E5,E{n}]"' for n in range(20)]
    file = write("Event_traces.csv", ["BlockId,Label,Features", *rows])
    splits, notices = split_files(file, None, SHARES, seed=0)
    assert [len(splits[name]) for name in ("train", "val", "test")] == [12, 2, 6]
    assert ids(splits["test"])[4:] == ["blk_3", "blk_8"]
    assert splits["test"].labels.tolist() == [LABEL_NORMAL] * 4 + [LABEL_ABNORMAL] * 2
    assert {0, 1} - set(splits["train"].labels.tolist()) == {LABEL_ABNORMAL}
    (notice,) = notices
    assert notice.startswith("2 of 20 sessions of data.normal are labelled abnormal and all are tested")
    assert notice.endswith("detection.prevalence=0.10000")

    train = write("train.csv", ["BlockId,Label,EventSequence", *[f"a{n},{n % 2},5" for n in range(10)]])
    splits, notices = given_splits(train, None, file, None, SHARES, seed=0)
    assert notices == ["5 abnormal sessions of data.train were left out"]
    assert splits["test"].labels.tolist() == [int(n in (3, 8)) for n in range(20)]


def test_files_of_one_class_that_label_sessions_otherwise_are_refused(
    write: Write, given_splits: Callable[..., Any], split_files: Callable[..., Any]
) -> None:
    file = write("both.csv", ["BlockId,Label,EventSequence", "a,Normal,5", "b,Anomaly,5"])
    normal = write("normal.txt", blocks(0, 20))
    with pytest.raises(UserError, match=r"^data\.abnormal: 1 of 2 sessions are labelled Normal in the file"):
        split_files(normal, file, SHARES, seed=0)
    with pytest.raises(UserError, match=r"^data\.test_normal: 1 of 2 sessions are labelled Anomaly"):
        given_splits(
            normal, None, None, None, SHARES, 0, test_normal=file, test_abnormal=write("bad.txt", ["c,9"])
        )


def test_too_few_to_cut_val_off(write: Write, given_splits: Callable[..., Any]) -> None:
    with pytest.raises(
        UserError,
        match=r"data\.train: 3 sessions are too few for data\.split=\[0\.7, 0\.1\]",
    ):
        given_splits(write("train", blocks(0, 3)), None, write("test", blocks(3, 5)), None, SHARES, seed=0)


@pytest.mark.parametrize("name", ["train", "val"])
def test_a_given_split_of_abnormal_sessions_alone_is_refused(
    write: Write, name: str, given_splits: Callable[..., Any]
) -> None:
    starts = {"train": 0, "val": 4, "test": 8}
    files = [write(part, blocks(start, start + 4)) for part, start in starts.items()]
    labels = label_file(write, set(range(starts[name], starts[name] + 4)), 12)
    with pytest.raises(UserError, match=f"data.{name}: no normal session is left"):
        given_splits(*files, labels, SHARES, seed=0)


@pytest.mark.parametrize(("part", "start"), [("test", 9), ("val", 0)])
def test_a_block_in_two_given_splits_is_refused(
    write: Write, part: str, start: int, given_splits: Callable[..., Any]
) -> None:
    starts = {"train": 0, "val": 10, "test": 20} | {part: start}
    files = [write(name, blocks(first, first + 10)) for name, first in starts.items()]
    with pytest.raises(UserError, match=rf"block blk_{start} stands in data\.train and in data\.{part}"):
        given_splits(*files, None, SHARES, seed=0)


def test_a_session_without_label_is_refused(write: Write, given_splits: Callable[..., Any]) -> None:
    labels = label_file(write, {0}, 11)
    with pytest.raises(UserError, match="no label for 1 of 2 sessions, the first is blk_11"):
        given_splits(write("train", blocks(0, 10)), None, write("test", blocks(10, 12)), labels, SHARES, 0)
