from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.data.batches import TagBatch
from seqlab.data.module import TestSetLockedError
from seqlab.data.tagged import WordCoder
from seqlab.data.tagged_text import Entities
from seqlab.data.tags import scheme_from_state
from seqlab.errors import UserError

TRAIN = "Ann B-PER\nmet O\nann O\n\nBonn B-LOC\nis O\nold O\n\nmet O\nIce B-PER\nLee I-PER\n"
TEST = "Zoë I-PER\nmet O\nACME B-ORG\n"


def split_files(tmp_path: Path, **texts: str) -> dict[str, Path]:
    paths = {name: tmp_path / f"{name}.conll" for name in texts}
    for name, text in texts.items():
        paths[name].write_text(text, encoding="utf-8")
    return paths


def set_up(**settings: Any) -> Entities:
    module = Entities(**settings)
    module.setup()
    return module


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return split_files(tmp_path, train=TRAIN, val="Bonn B-LOC\n", test=TEST)


def test_vocabularies_come_from_training_alone(files: dict[str, Path]) -> None:
    data = set_up(**files)
    assert data.coder.words.tokens[4:] == ("ann", "met", "bonn", "ice", "is", "lee", "old")
    assert "Z" not in data.coder.characters.tokens
    assert data.coder.characters.tokens[4:] == tuple("nemot")  # the others were met once
    assert data.tag_scheme.kinds == ("LOC", "PER")
    assert data.sizes == {
        "vocab_size": 11,
        "pad_id": 0,
        "unk_id": 3,
        "first_singleton_id": 6,
        "num_characters": len(data.coder.characters),
        "num_shapes": 13,
        "num_tags": 5,
        "tags_are_bio": True,
    }
    cased = set_up(**files, lowercase=False, min_count=2)
    assert cased.coder.words.tokens[4:] == ("met",)
    assert cased.sizes["first_singleton_id"] == cased.sizes["vocab_size"] == 5


def test_repairs_and_types_that_training_lacks_are_told_and_counted(files: dict[str, Path]) -> None:
    data = set_up(**files)
    assert len(data.notices) == 4
    assert data.notices[0].startswith("data.test: 1 tags I-type that continued no entity")
    assert data.notices[1].startswith("data.test holds entity types that training lacks (ORG)")
    assert [notice.split(" (")[0] for notice in data.notices[2:]] == [
        "the val part has few sentences",
        "the test part has few sentences",
    ]
    data.open_test()
    assert data.sentences("test").tags == ("B-PER", "O", "B-ORG")
    assert data.tag_ids("test").tolist() == [3, 0, 5]  # 5 is no tag that the network has


def test_types_with_few_test_entities_are_named(tmp_path: Path) -> None:
    sentence = "Ann B-PER\nmet O\n\n"
    files = split_files(tmp_path, train=TRAIN, val=sentence * 30, test=sentence * 29 + "Bonn B-LOC\nis O\n")
    assert set_up(**files).notices == [
        "2 of 2 entity types have fewer than 30 test entities (LOC 1, PER 29): their own figures, and means "
        "over classes, rest on few"
    ]


def test_the_column_of_tags_is_a_setting(tmp_path: Path) -> None:
    files = split_files(
        tmp_path, train="Ann B-PER x\nmet O B-x\n", test="Bob S-PER O\nmet O O\n", val="Bob S-PER O\n"
    )
    data = set_up(**files, tag_column=2)
    data.open_test()
    assert data.sentences("test").tags == ("B-PER", "O")


def test_a_batch_holds_words_shapes_letters_and_tags(files: dict[str, Path]) -> None:
    data = set_up(**files, max_letters=3)
    batch = data.dataset("train")[torch.tensor([1, 0])]
    words, letters = data.coder.words, data.coder.characters
    assert isinstance(batch, TagBatch)
    assert batch.words.tolist() == [words.ids(["bonn", "is", "old"]), words.ids(["ann", "met", "ann"])]
    assert batch.shapes.tolist() == [[3, 1, 1], [3, 1, 1]]
    assert batch.tags.tolist() == [[1, 0, 0], [3, 0, 0]]
    assert batch.lengths.tolist() == [3, 3]
    assert batch.num_units == 6
    for row, column, text in ((0, 0, "Bon"), (0, 1, "is"), (1, 0, "Ann"), (1, 2, "ann")):
        spelled = batch.spelling[row, column]
        assert batch.letter_counts[spelled] == len(text)
        assert batch.letters[spelled].tolist() == [*letters.ids(text), *[0] * (3 - len(text))]
    assert len(batch.letters) == 6


def test_padding_of_a_batch(tmp_path: Path) -> None:
    paths = split_files(tmp_path, train="a B-X\nb O\n\na B-X\n", val="a O\n", test="a O\n")
    batch = set_up(**paths).dataset("train")[torch.tensor([0, 1])]
    assert batch.mask.tolist() == [[True, True], [True, False]]
    assert [part[1, 1].item() for part in (batch.words, batch.shapes, batch.spelling, batch.tags)] == [0] * 4
    assert batch.num_units == 3


def test_the_test_split_is_locked(files: dict[str, Path]) -> None:
    data = set_up(**files)
    for read in (data.sentences, data.tag_ids, data.dataset, data.scoring_batches):
        with pytest.raises(TestSetLockedError):
            read("test")
    with pytest.raises(TestSetLockedError):
        data.test_dataloader()
    data.open_test()
    assert len(data.dataset("test")) == 1
    with pytest.raises(TestSetLockedError):
        data.train_dataloader()


def test_one_file_is_divided_and_copies_of_a_sentence_stay_together(tmp_path: Path) -> None:
    text = "\n".join(f"word{number % 20} B-X\n" for number in range(60))
    paths = split_files(tmp_path, path=text)
    data = set_up(**paths, split=[0.5, 0.25, 0.25], seed=1)
    data.open_test()
    parts = {name: data._splits[name].tokens for name in ("train", "val", "test")}
    assert {name: len(tokens) for name, tokens in parts.items()} == {"train": 30, "val": 15, "test": 15}
    assert len(set().union(*parts.values())) == sum(len(set(tokens)) for tokens in parts.values()) == 20
    assert set_up(**paths, split=[0.5, 0.25, 0.25], seed=2)._splits["train"].tokens != parts["train"]


def test_a_validation_part_is_cut_off_where_none_is_given(tmp_path: Path) -> None:
    text = "\n".join(f"word{number} B-X\n" for number in range(16))
    paths = split_files(tmp_path, train=text, test="a O\n")
    data = set_up(**paths)
    assert [len(data.sentences(name)) for name in ("train", "val")] == [14, 2]
    assert data.notices[0] == "no data.val: 2 sentences of data.train are kept for it"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"path": "a", "train": "b"}, r"data\.path and data\.train exclude each other"),
        ({"train": "a"}, r"data\.test is missing: give data\.train and data\.test"),
        ({"test": "a"}, r"data\.train is missing"),
        ({"min_count": 0}, r"data\.min_count=0: give a whole number, at least 1"),
        ({"max_letters": 0}, r"data\.max_letters=0: give a whole number"),
        ({"vectors": "glove.txt"}, r"data\.vectors without data\.vector_size"),
        ({"split": [1, 0, 0]}, r"data\.split=.*three positive shares"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        set_up(**settings)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one B-X\n", r"data\.path: 1 distinct sentences are too few for data\.split="),
        ("\n".join(f"word{number} O\n" for number in range(20)), r"hold no entity: every tag is O"),
    ],
)
def test_files_that_nothing_is_learned_from(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        set_up(**split_files(tmp_path, path=text))


def test_word_vectors_are_read_and_their_coverage_told(files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "glove.txt").write_text("ann 1 2\nzoë 3 4\nmet 5 6\n", encoding="utf-8")
    data = set_up(**files, vectors=tmp_path / "glove.txt", vector_size=2)
    assert data.word_vectors.ids.tolist() == data.coder.words.ids(["ann", "met"])
    # ann, met, ann and met are 4 of 9 training tokens
    assert "vectors of 2 of 7 words of the vocabulary, 44.4% of the training tokens" in "\n".join(
        data.notices
    )


def test_the_sample_says_what_it_is_and_files_are_written(tmp_path: Path) -> None:
    data = set_up(sample={"num_sentences": 60, "seed": 0})
    assert data.notices[0].startswith("Synthetic data")
    data.write_files(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"vocabulary.txt", "characters.txt"}
    facts = dict(data.facts())
    assert facts["entity types"] == "LOC, ORG, PER"
    assert " entities" in facts["train sentences"]


def test_state_gives_the_same_coder_again() -> None:
    data = set_up(sample={"num_sentences": 60, "seed": 0})
    state = data.state()
    assert WordCoder.from_state(state["coder"]) == data.coder
    assert scheme_from_state(state["tags"]).kinds == ("LOC", "ORG", "PER")
