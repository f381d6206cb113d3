from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from seqlab.data.log_sessions import LogSessions
from seqlab.data.padded_sessions import PaddedSessions
from seqlab.data.samples.hdfs_blocks import SYNTHETIC_NOTICE, TEMPLATES, simulate_blocks
from seqlab.data.session_windows import SessionWindows
from seqlab.data.vocabulary import Vocabulary
from seqlab.errors import UserError

MODULES = [SessionWindows, PaddedSessions]
SAMPLE = {"num_blocks": 300, "abnormal_share": 0.1, "seed": 4}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of 20 normal blocks of 2 to 5 keys and of 3 abnormal ones, and what goes with them."""
    normal = [f"blk_{number},5 22 {'9 ' * (number % 4)}" for number in range(20)]
    (tmp_path / "normal.txt").write_text("\n".join(normal) + "\n")
    (tmp_path / "abnormal.txt").write_text("blk_97,5\nblk_98,7 7\nblk_99,5 22 9 9 9 9 9 9\n")
    labels = [f"blk_{number},{'Anomaly' if number > 96 else 'Normal'}" for number in [*range(20), 97, 98, 99]]
    (tmp_path / "labels.csv").write_text("\n".join(["BlockId,Label", *labels]) + "\n")
    (tmp_path / "templates.csv").write_text("EventId,EventTemplate\n5,Receiving <*>\n22,Allocate <*>\n")
    return tmp_path


# -- the sample ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_without_files_blocks_are_simulated_and_the_notice_says_so(
    module: type[LogSessions], ready: Callable[..., LogSessions]
) -> None:
    data = ready(module, sample=SAMPLE)
    assert data.notices == [SYNTHETIC_NOTICE]
    assert "synthetic" in SYNTHETIC_NOTICE.lower()
    assert data.templates == TEMPLATES
    assert (len(data.sessions("train")), len(data.sessions("val"))) == (189, 27)
    data.open_test()
    labels = Counter(data.sessions("test").labels.tolist())
    assert labels == {0: 54, 1: 30}


def everything(data: LogSessions) -> dict[str, list[str]]:
    """The ids of each split; opens the test set."""
    ids = {split: data.sessions(split).ids.tolist() for split in ("train", "val")}
    data.open_test()
    return ids | {"test": data.sessions("test").ids.tolist()}


def test_the_sample_is_all_there_with_its_labels(ready: Callable[..., LogSessions]) -> None:
    data = ready(SessionWindows, sample=SAMPLE)
    blocks = simulate_blocks(**SAMPLE).sessions
    expected = {
        name: (blocks.keys(place), label)
        for place, (name, label) in enumerate(zip(blocks.ids.tolist(), blocks.labels.tolist(), strict=True))
    }
    parts = [data.sessions("train"), data.sessions("val")]
    data.open_test()
    parts.append(data.sessions("test"))
    found = {
        name: (part.keys(place), int(part.labels[place]))
        for part in parts
        for place, name in enumerate(part.ids.tolist())
    }
    assert found == expected
    assert sum(map(len, parts)) == len(expected)
    assert not any(part.labels.any() for part in parts[:2])


def test_the_seed_of_the_run_draws_another_split_of_the_same_sample(
    ready: Callable[..., LogSessions],
) -> None:
    first, again, other = (everything(ready(SessionWindows, sample=SAMPLE, seed=seed)) for seed in (0, 0, 1))
    assert first == again
    for split in ("train", "val", "test"):
        assert set(first[split]) != set(other[split])
    assert {*chain(*first.values())} == {*chain(*other.values())}


def test_bad_sample_setting_is_refused(ready: Callable[..., LogSessions]) -> None:
    with pytest.raises(UserError, match="num_blocks"):
        ready(SessionWindows, sample={"num_blocks": 0})


# -- files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_normal_and_abnormal_files(
    module: type[LogSessions], folder: Path, ready: Callable[..., LogSessions]
) -> None:
    data = ready(
        module,
        normal=folder / "normal.txt",
        abnormal=[str(folder / "abnormal.txt")],
        templates=folder / "templates.csv",
    )
    assert (len(data.sessions("train")), len(data.sessions("val"))) == (14, 2)
    assert data.notices == []
    assert data.templates == {"5": "Receiving <*>", "22": "Allocate <*>"}
    longest = int(data.sessions("train").lengths.max())
    assert data.sizes == {"vocab_size": 7, "pad_id": 0, "unk_id": 3, "max_length": longest + 1}
    assert set(data.vocabulary.tokens[4:]) == {"5", "9", "22"}
    data.open_test()
    test = data.sessions("test")
    assert test.labels.tolist() == [0] * 4 + [1] * 3
    assert test.ids[-3:].tolist() == ["blk_97", "blk_98", "blk_99"]
    assert data.sizes["max_length"] <= 6  # a test session of 8 keys is longer


def test_given_splits_and_labels(folder: Path, ready: Callable[..., LogSessions]) -> None:
    lines = (folder / "normal.txt").read_text().splitlines()
    abnormal = (folder / "abnormal.txt").read_text().splitlines()
    for name, part in {
        "train": [*lines[:10], abnormal[0]],
        "val": lines[10:14],
        "test": [*lines[14:], *abnormal[1:]],
    }.items():
        (folder / name).write_text("\n".join(part) + "\n")
    given = {name: folder / name for name in ("train", "val", "test")}
    data = ready(PaddedSessions, **given, labels=folder / "labels.csv")
    assert data.sessions("train").ids.tolist() == [f"blk_{number}" for number in range(10)]
    assert data.sessions("val").ids.tolist() == [f"blk_{number}" for number in range(10, 14)]
    assert data.notices == ["1 abnormal sessions of data.train were left out"]
    assert data.templates == {}
    assert data.vocabulary.id("7") == data.vocabulary.unk
    data.open_test()
    assert data.sessions("test").labels.tolist() == [0] * 6 + [1, 1]

    cut = ready(PaddedSessions, train=given["train"], test=given["test"], split=(0.6, 0.2, 0.2))
    assert (len(cut.sessions("train")), len(cut.sessions("val"))) == (8, 3)
    assert cut.notices == ["no data.labels: train and val are taken for normal, detection cannot be measured"]


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["normal", "train"], "data.normal and data.train exclude each other: give one of data.normal, "),
        (["abnormal", "test"], "data.abnormal and data.test exclude each other"),
        (["abnormal"], "data.abnormal without data.normal: give both"),
        (["train"], "data.test is missing: give data.train and data.test, or data.normal"),
        (["test"], "data.train is missing: give data.train and data.test, or data.normal"),
        (["val"], "data.train is missing"),
        (["val", "test"], "data.train is missing"),
        (["train", "test_normal"], "data.train without data.test_abnormal: give both"),
        (["test_normal", "test_abnormal"], "data.train is missing"),
        (["train", "test", "test_normal"], "data.test and data.test_normal exclude each other"),
        (["train", "test_abnormal", "labels"], "data.labels and data.test_abnormal exclude each other"),
        (["normal", "test_normal"], "data.normal and data.test_normal exclude each other"),
        (["normal", "labels"], "data.normal and data.labels exclude each other"),
        (["labels"], "data.labels without data.train: give both"),
        (["normal", "sessions"], "data.normal and data.sessions exclude each other"),
    ],
    ids="+".join,
)
def test_settings_that_exclude_each_other(
    module: type[LogSessions], folder: Path, names: list[str], message: str, ready: Callable[..., LogSessions]
) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(message)}"):
        ready(module, **{name: folder / "normal.txt" for name in names})


@pytest.mark.parametrize("name", ["normal", "templates"])
def test_missing_files_are_named(folder: Path, name: str, ready: Callable[..., LogSessions]) -> None:
    settings = {"normal": folder / "normal.txt"} | {name: folder / "nowhere.txt"}
    with pytest.raises(UserError, match=re.escape(f"{folder / 'nowhere.txt'}: no such file")):
        ready(SessionWindows, **settings)


def test_bad_shares_are_refused_at_setup(folder: Path, ready: Callable[..., LogSessions]) -> None:
    with pytest.raises(UserError, match=r"^data\.split=\[0\.9, 0\.2, 0\.1\]"):
        ready(SessionWindows, normal=folder / "normal.txt", split=[0.9, 0.2, 0.1])


# -- what goes into a checkpoint and a report ----------------------------------------------------------


def test_state_is_plain_and_enough(ready: Callable[..., LogSessions]) -> None:
    windows = ready(SessionWindows, sample=SAMPLE, window_size=7, context="full_windows").state()
    padded = ready(PaddedSessions, sample=SAMPLE)
    assert {key: windows[key] for key in ("window_size", "context")} == {
        "window_size": 7,
        "context": "full_windows",
    }
    assert set(padded.state()) == {"vocabulary", "max_length", "piece_length"}
    assert Vocabulary.from_state(windows["vocabulary"]) == padded.vocabulary
    assert windows["max_length"] == padded.sizes["max_length"]
    assert type(windows["max_length"]) is int


def test_facts_read_no_test_session(folder: Path, ready: Callable[..., LogSessions]) -> None:
    data = ready(SessionWindows, normal=folder / "normal.txt", abnormal=folder / "abnormal.txt")
    train, val = data.sessions("train"), data.sessions("val")
    expected = [
        ("train sessions", f"14 with {int(train.lengths.sum())} events"),
        ("val sessions", f"2 with {int(val.lengths.sum())} events"),
        ("vocabulary", "7 tokens, 4 of them special"),
    ]
    assert data.facts() == expected
    data.open_test()
    assert data.facts() == expected


def test_facts_say_how_many_training_pieces_differ(tmp_path: Path, ready: Callable[..., LogSessions]) -> None:
    normal = tmp_path / "normal.txt"
    normal.write_text("".join(f"blk_{number},1 2\n" for number in range(10)))
    windows = ready(SessionWindows, normal=normal, window_size=2)
    windows.train_dataloader()  # seven sessions "1 2"; windows of two keys before 1, 2 and the end
    assert ("train windows", "21; 3 distinct, 3 with the next key") in windows.facts()
    padded = ready(PaddedSessions, normal=normal)
    padded.train_dataloader()
    assert ("train tokens", "21 with ends; 1 distinct sessions with 3") in padded.facts()


# -- long sessions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_a_session_of_100_000_events_makes_no_large_batch(
    module: type[LogSessions], tmp_path: Path, ready: Callable[..., LogSessions]
) -> None:
    keys = np.random.default_rng(0).integers(20, size=100_000).astype(str)
    short = [f"blk_{number},{' '.join(keys[number * 5 : number * 5 + 20])}" for number in range(50)]
    for name in ("train", "val", "test"):
        lines = [f"{row.replace('blk', name)}" for row in short] + [f"long_{name},{' '.join(keys)}"]
        (tmp_path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    data = ready(module, **{name: tmp_path / f"{name}.txt" for name in ("train", "val", "test")})
    assert data.sizes["max_length"] == 512
    assert data.state()["piece_length"] == 512
    units = 50 * 21 + 100_001
    for loader in (data.train_dataloader(), data.val_dataloader()):
        sizes = [batch[0].numel() for batch in loader]  # tokens read, padding counted
        assert max(sizes) <= 524_288
        assert len(sizes) == len(loader)
        assert sum(int(batch.num_units) for batch in loader) == units


@pytest.mark.parametrize("module", MODULES)
def test_pieces_of_nothing_are_refused(module: type[LogSessions], ready: Callable[..., LogSessions]) -> None:
    data = ready(module, sample=SAMPLE, piece_length=0)
    with pytest.raises(UserError, match=r"^data\.piece_length=0: a piece holds at least 1 token$"):
        data.train_dataloader()


# -- real sessions -------------------------------------------------------------------------------------


def test_real_files_by_class(hdfs_folder: Path, ready: Callable[..., LogSessions]) -> None:
    folder = hdfs_folder / "loghub_sequences"
    data = ready(
        SessionWindows,
        normal=folder / "normal.txt",
        abnormal=folder / "abnormal.txt",
        templates=folder / "templates.csv",
    )
    train = data.sessions("train")
    assert (len(train), len(data.sessions("val"))) == (3908, 558)
    assert data.templates["5"].startswith("<*>Receiving block")
    index, pairs = data.index("train")
    assert index.num_windows == train.num_events + len(train)
    assert 0 < pairs.num_pairs < index.num_windows / 10
    data.open_test()
    assert np.bincount(data.sessions("test").labels).tolist() == [1117, 16838]


def test_real_files_of_bare_lines_as_given_splits(
    hdfs_folder: Path, ready: Callable[..., LogSessions]
) -> None:
    folder = hdfs_folder / "logdeep_sequences"
    data = ready(PaddedSessions, train=folder / "hdfs_train", test=folder / "hdfs_test_abnormal")
    assert (len(data.sessions("train")), len(data.sessions("val"))) == (4248, 607)  # 0.1 of 0.8
    assert len(data.notices) == 1
    batches = list(data.train_dataloader())
    assert sum(batch.session_count.sum().item() for batch in batches) == 4248
