from collections import Counter
from pathlib import Path

import pytest
import torch

from seqlab.data.labelled_events import NORMAL, EventCoder, LabelledEvents
from seqlab.data.samples.hdfs_blocks import ANOMALY_KINDS
from seqlab.errors import UserError


def sessions(tmp_path: Path) -> Path:
    """20 sessions of each of two labels, ten of them equal."""
    rows = [f"a{number},A,{'x y' if number < 10 else f'x {number}'}" for number in range(20)]
    rows += [f"b{number},B,z {number}" for number in range(20)]
    path = tmp_path / "sessions.txt"
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def test_the_sample_is_blocks_and_the_kinds_of_what_went_wrong() -> None:
    data = LabelledEvents(sample={"num_sessions": 200, "abnormal_share": 0.3})
    data.setup()
    data.open_test()
    assert set(data.coder.labels) == {NORMAL, *ANOMALY_KINDS}
    counts = Counter(label for part in data._splits.values() for label in part.labels)
    assert counts[NORMAL] == 140
    assert max(counts[kind] for kind in ANOMALY_KINDS) - min(counts[kind] for kind in ANOMALY_KINDS) <= 1
    assert any("Synthetic data" in notice for notice in data.notices)


def test_sessions_are_split_one_by_one_and_none_is_left_out(tmp_path: Path) -> None:
    data = LabelledEvents(path=sessions(tmp_path))
    data.setup()
    data.open_test()
    parts = [data._splits[name] for name in ("train", "val", "test")]
    assert [Counter(part.labels) for part in parts] == [
        {"A": 14, "B": 14},
        {"A": 2, "B": 2},
        {"A": 4, "B": 4},
    ]
    ids = [name for part in parts for name in part.names]
    assert len(set(ids)) == len(ids) == 40


def test_a_batch_is_padded_ids_of_events_between_marks(tmp_path: Path) -> None:
    data = LabelledEvents(path=sessions(tmp_path), min_count=2)
    data.setup()
    items, tokens = data.items("train"), data.coder.vocabulary.tokens
    rows = torch.tensor([0, len(items) - 1])
    batch = data.dataset("train")[rows]
    first = [tokens[number] for number in batch.tokens[0, : batch.lengths[0]].tolist()]
    known = [event if event in tokens else "<unk>" for event in items.texts[0].split()]
    assert first == ["<bos>", *known, "<eos>"]
    assert [data.coder.labels[label] for label in batch.labels.tolist()] == [
        items.labels[0],
        items.labels[-1],
    ]


def test_a_coder_comes_back_and_reads_new_sessions(tmp_path: Path) -> None:
    data = LabelledEvents(path=sessions(tmp_path), max_length=3)
    data.setup()
    again = EventCoder.from_state(data.coder.state())
    assert again == data.coder
    assert len(again.encode("x y z x y z")) == 3 + 2
    (tmp_path / "new.txt").write_text("n1,x y\nn2,z q\n", encoding="utf-8")
    assert again.read_new(tmp_path / "new.txt") == (("x y", "z q"), ("n1", "n2"), 0)
    assert again.read_new(sessions(tmp_path)).ids[:2] == ("a0", "a1")  # labels are passed over


def test_labels_without_sessions_are_told() -> None:
    with pytest.raises(UserError, match=r"data\.labels without sessions: give data\.path="):
        LabelledEvents(labels="labels.csv")


def test_one_class_and_too_few_sessions_are_told(tmp_path: Path) -> None:
    path = tmp_path / "sessions.txt"
    path.write_text("\n".join(f"s{number},A,x y" for number in range(30)), encoding="utf-8")
    with pytest.raises(UserError, match=r"the only label in it is A; classifying takes at least two"):
        LabelledEvents(path=path).setup()
    path.write_text("s1,A,x\ns2,B,y\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"data\.path: 2 sessions of 2 labels are too few for data\.split="):
        LabelledEvents(path=path).setup()


def test_a_label_of_test_alone_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "test.txt"
    path.write_text("t1,A,x y\nt2,C,x y\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"test\.txt, line 2: label 'C' is not in training; its labels: A, B"):
        LabelledEvents(train=sessions(tmp_path), test=path).setup()
