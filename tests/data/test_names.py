from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.data.batches import LabelledBatch
from seqlab.data.labelled_text import Names, TextCoder
from seqlab.data.module import TestSetLockedError
from seqlab.errors import UserError


def data(**settings: Any) -> Names:
    found = Names(**({} if {"path", "train"} & set(settings) else {"sample": {"num_names": 200}}) | settings)
    found.setup()
    return found


def written(tmp_path: Path, name: str, rows: list[str]) -> Path:
    path = tmp_path / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_each_label_is_split_alike_and_equal_names_stay_together(tmp_path: Path) -> None:
    rows = [f"a{number},A" for number in range(40)] + [f"b{number},B" for number in range(20)]
    again = [
        *rows[:10],
        "a0,B",
        "a1,B",
        "a2,B",
    ]  # the label that a name has most often is the one that counts
    module = data(path=written(tmp_path, "names.csv", [*rows, *again, "c,C"]))
    module.open_test()
    parts = [module._splits[name] for name in ("train", "val", "test")]
    kinds = [set(part.texts) for part in parts]
    assert [Counter(name[0].upper() for name in kind) for kind in kinds] == [
        {"A": 28, "B": 14, "C": 1},
        {"A": 4, "B": 2},
        {"A": 8, "B": 4},
    ]
    assert not kinds[0] & kinds[1] | kinds[0] & kinds[2] | kinds[1] & kinds[2]
    assert sum(map(len, parts)) == 73  # of 74 rows one is a copy in val, which counts once


def test_the_seed_draws_the_split_alone() -> None:
    first, again, other = data(seed=1), data(seed=1), data(seed=2)
    assert first.items("val").texts == again.items("val").texts
    assert first.items("val").texts != other.items("val").texts


def test_val_is_cut_from_train_where_none_is_given(tmp_path: Path) -> None:
    train = written(tmp_path, "train.csv", [f"n{number},{'AB'[number % 2]}" for number in range(40)])
    test = written(tmp_path, "test.csv", ["n1,B", "n1,A", "x,A", "y,B"])
    module = data(train=train, test=test, split=[0.6, 0.2, 0.2])
    assert (len(module.items("train")), len(module.items("val"))) == (30, 10)
    assert "no data.val: 10 distinct names of data.train are kept for it" in module.notices
    module.open_test()
    assert module.items("test").texts == ("n1", "n1", "x", "y")


def test_notices_count_what_bounds_the_figures(tmp_path: Path) -> None:
    train = written(tmp_path, "train.csv", ["Lee,K", "Lee,E", "Kim,K", "Abe,J"])
    test = written(tmp_path, "test.csv", ["Lee,K", "Kim,K", "Kimberley,E"])
    said = "\n".join(data(train=train, val=test, test=test, max_length=5).notices)
    assert "1 training names occur with more than one label" in said
    assert "2 names are longer than data.max_length=5 characters and were cut" in said  # in val and in test


def test_a_batch_is_padded_ids_of_nfc_characters_between_marks() -> None:
    module = data()
    dataset, characters = module.dataset("train"), module.coder.vocabulary
    batch = dataset[torch.tensor([3, 0])]
    assert type(batch) is LabelledBatch
    name, label = module.items("train").texts[3], module.items("train").labels[3]
    length = int(batch.lengths[0])
    row = [characters.tokens[number] for number in batch.tokens[0, :length]]
    assert row == ["<bos>", *name, "<eos>"]
    assert (batch.tokens[0, length:] == characters.pad).all()
    assert module.coder.labels[batch.labels[0]] == label
    assert batch.num_units == 2


def test_ascii_takes_accents_off_and_leaves_the_rest_unknown(tmp_path: Path) -> None:
    module = data(
        path=written(
            tmp_path, "names.csv", [f"Núñez{n},A" for n in "abcdefgh"] + [f"김{n},B" for n in "abcdefgh"]
        ),
        ascii=True,
        boundaries=False,
    )
    tokens = module.coder.vocabulary.tokens
    assert [tokens[number] for number in module.coder.encode("Ñé김")] == ["N", "e", "<unk>"]
    assert "김" not in tokens
    assert "u" in tokens


def test_a_coder_comes_back_from_its_state() -> None:
    coder = data(max_length=4).coder
    again = TextCoder.from_state(coder.state())
    assert again == coder
    assert len(again.encode("Papadopoulos")) == 6


def test_words_are_read_where_asked_for(tmp_path: Path) -> None:
    rows = [
        "text,label",
        '"A good, good film.",pos',
        "a Bad film,neg",
        '"Good, but long",pos',
        "bad play,neg",
    ]
    path = written(tmp_path, "films.csv", rows)
    module = data(train=path, val=path, test=path, unit="word", lower=True, min_count=2, max_length=5)
    assert module.coder.vocabulary.tokens[4:] == ("good", ",", "a", "bad", "film")  # of the first 5 words
    row = module.coder.encode("A GOOD, sad film!")
    assert [module.coder.vocabulary.tokens[number] for number in row] == [
        "<bos>", "a", "good", ",", "<unk>", "film", "<eos>",
    ]  # fmt: skip
    assert TextCoder.from_state(module.coder.state()) == module.coder
    assert module.train_unit == "texts"
    assert "3 texts are longer than data.max_length=5 words and were cut" in module.notices
    assert dict(module.facts())["words"] == "9, 4 of them special; 26.7% of val's are unknown"


def test_the_test_split_is_locked() -> None:
    module = data()
    with pytest.raises(TestSetLockedError):
        module.dataset("test")
    module.open_test()
    with pytest.raises(TestSetLockedError):
        module.items("train")


def test_balanced_weights_have_mean_one_over_the_training_names(tmp_path: Path) -> None:
    train = written(tmp_path, "train.csv", ["a,A", "b,A", "c,A", "d,B"])
    module = data(train=train, val=train, test=train, class_weights="balanced")
    assert module.class_weights == pytest.approx([4 / 6, 2])
    assert data(train=train, val=train, test=train).class_weights is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"class_weights": "auto"}, r"^data\.class_weights=auto: choose none, balanced"),
        ({"unit": "letter"}, r"^data\.unit=letter: choose character or word"),
        ({"unit": "word"}, r"^data\.unit=word without a file: .* give data\.path="),
        ({"columns": "text,label"}, r"^data\.columns=text,label: give two"),
        ({"min_count": 0}, r"^data\.min_count=0: give a whole number"),
        ({"max_length": 0}, r"^data\.max_length=0: give a whole number"),
        ({"path": "p", "test": "t"}, r"^data\.path and data\.test exclude each other"),
        ({"train": "t"}, r"^data\.test is missing"),
        ({"sample": {"num_names": 5}}, r"^data\.sample\.num_names=5: .* at least 60"),
    ],
)
def test_wrong_settings_are_told(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        data(**settings)


def test_one_label_and_unknown_labels_are_told(tmp_path: Path) -> None:
    train = written(tmp_path, "train.csv", ["a,A", "b,B"])
    single = written(tmp_path, "single.csv", ["a,A", "b,A"])
    unknown = written(tmp_path, "unknown.csv", ["a,A", "", "c,C"])
    with pytest.raises(UserError, match=r"single\.csv: the only label in it is A"):
        data(train=single, val=single, test=single)
    with pytest.raises(
        UserError, match=r"unknown\.csv, line 3: label 'C' is not in training; its labels: A, B"
    ):
        data(train=train, val=train, test=unknown)
    with pytest.raises(UserError, match=r"^data\.path: 2 distinct names of 2 labels are too few"):
        data(path=train)


def test_a_label_that_only_other_labels_names_have_is_in_training(tmp_path: Path) -> None:
    rows = [f"N{number},English" for number in range(40)] + [f"K{number},Korean" for number in range(20)]
    path = tmp_path / "names.csv"
    path.write_text("\n".join([*rows, "N3,English", "N3,Englsh"]) + "\n", encoding="utf-8")
    for seed in range(12):
        module = Names(path=path, seed=seed)
        module.setup()
        assert "Englsh" in module.coder.labels


def test_copies_do_not_count_in_a_validation_part_that_is_cut_off(tmp_path: Path) -> None:
    rows = [f"N{number % 30},{'English' if number % 2 else 'Korean'}" for number in range(300)]
    path = tmp_path / "names.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    module = Names(path=path)
    module.setup()
    assert len(set(module.items("val").texts)) == len(module.items("val"))
    assert len(set(module.items("train").texts)) < len(module.items("train"))
