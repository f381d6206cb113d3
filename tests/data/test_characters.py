from pathlib import Path

import pytest
import torch

from seqlab.data.batches import TextBatch
from seqlab.data.characters import CharacterSequence
from seqlab.data.module import TestSetLockedError
from seqlab.errors import UserError


def ready(**settings: object) -> CharacterSequence:
    data = CharacterSequence(**settings)  # type: ignore[arg-type]
    data.setup()
    return data


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_published_text_is_learned_by_heart_and_says_so() -> None:
    data = ready(text="hihello")
    assert data.sizes == {"vocab_size": 4 + len("hielo"), "pad_id": 0}
    assert data.notices == [
        "the same 7 characters are trained on, validated and tested on: figures say what was learned by heart"
    ]
    (batch,) = data.train_dataloader()
    assert type(batch) is TextBatch
    assert data.codec.decode(batch.inputs[0].tolist()) == "hihell"
    assert data.codec.decode(batch.targets[0].tolist()) == "ihello"
    data.open_test()
    assert data.texts["train"] == data.texts["val"] == data.texts["test"] == "hihello"


def test_a_file_is_cut_in_order_and_the_test_part_may_be_left_out(tmp_path: Path) -> None:
    text = "abcdefghij" * 100
    path = written(tmp_path / "text.txt", text)
    data = ready(path=path, split=[0.9, 0.1, 0.0])
    assert data.texts["train"] == text[:900]  # nanoGPT's int(0.9 n)
    assert data.texts["val"] == text[900:] + "\n"
    assert not data.has_test
    assert "no test part" in data.notices[0]
    three = ready(path=path, split=[0.6, 0.2, 0.2])
    three.open_test()
    assert [len(three.texts[name]) for name in ("train", "val", "test")] == [600, 200, 201]
    assert three.has_test


def test_the_vocabulary_is_of_the_training_part_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "text.txt", "abc" * 20 + "xyz")
    data = ready(path=path, split=[0.9, 0.1, 0.0], num_streams=2)
    assert set("xyz").isdisjoint(data.codec.vocabulary.tokens)
    assert any("4 of 7 validation characters are not in the training part" in note for note in data.notices)


def test_the_test_part_is_locked(tmp_path: Path) -> None:
    data = ready(path=written(tmp_path / "text.txt", "abcdefghij" * 10), split=[0.6, 0.2, 0.2])
    with pytest.raises(TestSetLockedError):
        data.test_dataloader()
    data.open_test()
    assert sum(int(batch.num_units) for batch in data.test_dataloader()) == 20
    with pytest.raises(TestSetLockedError):
        data.train_dataloader()


def test_each_way_through_a_text_gives_its_batches(tmp_path: Path) -> None:
    path = written(tmp_path / "text.txt", "abcdefghij" * 50)
    data = ready(path=path, num_streams=4, seq_length=8, shift=False, restart=0)
    streams = list(data.train_dataloader())
    assert [batch.is_start.tolist() for batch in streams] == [[True] * 4] + [[False] * 4] * (len(streams) - 1)
    assert streams[0].inputs.shape == (4, 8)
    data = ready(path=path, mode="windows", window_size=5, stride=3, batch_size=16)
    windows = list(data.train_dataloader())
    assert all(bool(batch.is_start.all()) for batch in windows)
    assert sum(len(batch.inputs) for batch in windows) == (450 - 6) // 3 + 1
    # validation text is read once all the same
    assert sum(int(batch.num_units) for batch in data.val_dataloader()) == len(data.texts["val"]) - 1


def test_by_words() -> None:
    data = ready(text="the cat, the dog\nthe end", unit="word")
    assert data.train_unit == "words"
    assert "the" in data.codec.vocabulary.tokens
    assert data.codec.decode(data.ids("train").tolist()) == "the cat, the dog\nthe end"


def test_batches_of_a_seed_are_the_same_again() -> None:
    first, again = (
        [batch.inputs for batch in ready(mode="windows", seed=3).train_dataloader()] for _ in range(2)
    )
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    other = [batch.inputs for batch in ready(mode="windows", seed=4).train_dataloader()]
    assert not all(torch.equal(one, two) for one, two in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "stream"}, r"data\.mode=stream: choose streams or windows"),
        ({"unit": "byte"}, r"data\.unit=byte: choose char or word"),
        ({"seq_length": 0}, r"data\.seq_length=0: give a whole number, at least 1"),
        ({"split": [0.9, 0.2, 0.0]}, r"data\.split=\[0\.9, 0\.2, 0\.0\]: give three positive shares"),
        ({"split": [1.0, 0.0, 0.0]}, r"data\.split="),
    ],
)
def test_impossible_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        CharacterSequence(**settings)


def test_texts_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no text: give data\.path=FILE"):
        ready(text=None)
    with pytest.raises(UserError, match=r"data\.text: the train part has 1 characters; at least 2"):
        ready(text="a")
    with pytest.raises(UserError, match=r"short\.txt: the val part has 1 characters"):
        ready(path=written(tmp_path / "short.txt", "abcdefghi"), split=[0.9, 0.1, 0.0])
    with pytest.raises(UserError, match=r"empty\.txt: the file is empty"):
        ready(path=written(tmp_path / "empty.txt", ""))
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"abc\ncaf\xe9\n")
    with pytest.raises(UserError, match=r"latin\.txt, line 2: byte 0xe9 is not UTF-8"):
        ready(path=latin)
    with pytest.raises(UserError, match=r"no such file"):
        ready(path=tmp_path / "absent.txt")


def test_shakespeare_is_split_as_nanogpt_splits_it(root: Path) -> None:
    path = root.parent / "shared/data/text/tinyshakespeare.txt"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    data = ready(path=path, split=[0.9, 0.1, 0.0])
    assert len(data.texts["train"]) == 1_003_854  # its prepare.py reports these two numbers
    assert len(data.texts["val"]) == 111_540
    assert data.sizes["vocab_size"] == 65 + 4
