import gzip
from pathlib import Path

import pytest
import torch

from seqlab.data.batches import TranslationBatch
from seqlab.data.module import TestSetLockedError
from seqlab.data.tokenizers import tokenizer_from_state
from seqlab.data.translation import Translation
from seqlab.errors import UserError


def ready(**settings: object) -> Translation:
    data = Translation(**{"sample": {"num_pairs": 100, "seed": 0}, "batch_size": 8} | settings)  # type: ignore[arg-type]
    data.setup()
    return data


def columns(folder: Path, *pairs: tuple[str, str], name: str = "pairs.tsv") -> str:
    lines = "".join(f"{source}\t{target}\n" for source, target in pairs)
    (folder / name).write_text(lines, encoding="utf-8")
    return str(folder / name)


PAIRS = [(f"word{number} end.", f"Wort{number} Ende.") for number in range(20)]


def opened(data: Translation) -> dict[str, list[tuple[str, str]]]:
    found = {split: data.pairs(split) for split in ("train", "val")}
    data.open_test()
    return found | {"test": data.pairs("test")}


def test_the_sample_is_split_without_overlap_and_said_to_be_synthetic() -> None:
    data = ready()
    assert "synthetic" in data.notices[0]
    splits = opened(data)
    assert [len(part) for part in splits.values()] == [80, 10, 10]
    assert len(set().union(*splits.values())) == 100


def test_the_seed_of_the_run_draws_another_split_of_the_same_pairs() -> None:
    one, other = opened(ready(seed=0)), opened(ready(seed=1))
    assert one["test"] != other["test"]
    assert set().union(*one.values()) == set().union(*other.values())


def test_duplicates_never_stand_in_two_splits(tmp_path: Path) -> None:
    data = ready(path=columns(tmp_path, *PAIRS, *PAIRS[:7]))
    assert "7 exact duplicates of pairs were left out" in data.notices
    splits = opened(data)
    assert [len(part) for part in splits.values()] == [16, 2, 2]
    assert len(set().union(*splits.values())) == 20


def test_given_splits_from_parallel_files_of_a_folder(tmp_path: Path) -> None:
    for name, part in (("train", PAIRS[:6]), ("val", PAIRS[6:8]), ("test", [PAIRS[0], PAIRS[9]])):
        (tmp_path / f"{name}.en").write_text("".join(f"{source}\n" for source, _ in part), encoding="utf-8")
        packed = gzip.compress("".join(f"{target}\n" for _, target in part).encode())
        (tmp_path / f"{name}.de.gz").write_bytes(packed)
    files = {name: [f"{name}.en", f"{name}.de.gz"] for name in ("train", "val", "test")}
    data = ready(folder=str(tmp_path), **files)
    assert data.notices[0] == "1 training pairs were left out: they stand in val or test as well"
    assert [notice.split(" (")[0] for notice in data.notices[1:]] == [
        "the val part has few pairs",
        "the test part has few pairs",
    ]
    assert opened(data) == {
        "train": PAIRS[1:6],
        "val": PAIRS[6:8],
        "test": [PAIRS[0], PAIRS[9]],
    }


def test_the_four_pairs_of_a_config_are_learned_by_heart() -> None:
    data = ready(pairs=[["I  am.", "나는."], ["Go.", "가."]])
    assert "learned by heart" in data.notices[0]
    assert set(map(tuple, opened(data).values())) == {(("I am.", "나는."), ("Go.", "가."))}


def test_directions_can_be_swapped(tmp_path: Path) -> None:
    path = columns(tmp_path, *PAIRS)
    data = ready(path=path, swap=True, source_language="English", target_language="German")
    assert data.pairs("train")[0][0].startswith("Wort")
    assert data.facts()[0] == ("direction", "German to English")


@pytest.mark.parametrize("tokenizer", [{"tokenizer": "word"}, {"tokenizer": "bpe", "vocab_size": 90}])
def test_nothing_but_training_text_is_in_a_vocabulary(tmp_path: Path, tokenizer: dict) -> None:
    train = columns(tmp_path, ("one two", "eins zwei"), name="train.tsv")
    val = columns(tmp_path, ("ten ✿", "zehn ✿"), name="val.tsv")
    test = columns(tmp_path, ("six ☃", "sechs ☃"), name="test.tsv")
    data = ready(train=train, val=val, test=test, **tokenizer)
    known = "".join(data.source_tokenizer.pieces(range(len(data.source_tokenizer))))
    assert "✿" not in known
    assert "☃" not in known


def test_a_joint_vocabulary_is_one(tmp_path: Path) -> None:
    data = ready(tokenizer="bpe", vocab_size=260, joint=True)
    assert data.source_tokenizer is data.target_tokenizer
    assert data.sizes["source_vocab_size"] == data.sizes["target_vocab_size"] == 260
    apart = ready(tokenizer="bpe", vocab_size=260)
    assert apart.source_tokenizer is not apart.target_tokenizer


def test_a_text_with_few_subwords_says_so() -> None:
    data = ready(tokenizer="bpe", vocab_size=50_000)
    assert any("the training text gives no 50,000" in notice for notice in data.notices)


def test_long_and_empty_sides_are_left_out_and_counted(tmp_path: Path) -> None:
    train = columns(
        tmp_path, *PAIRS[:4], ("a " * 9, "b"), ("a", "b " * 9), ("", "b"), ("a", " "), name="t.tsv"
    )
    held_out = columns(tmp_path, ("x " * 30, "y"), name="v.tsv")
    data = ready(train=train, val=held_out, test=held_out, max_length=8)
    assert [notice for notice in data.notices if "left out" in notice] == [
        "2 pairs of train were left out: a side is empty",
        "2 of 6 training pairs were left out: a side has more than 8 tokens (data.max_length)",
    ]
    assert data.pairs("train") == PAIRS[:4]
    assert len(data.pairs("val")) == 1  # held-out pairs are translated whatever their length


def test_every_pair_is_in_one_batch_and_batches_hold_similar_lengths() -> None:
    data = ready()
    batches = list(data.train_dataloader())
    assert all(isinstance(batch, TranslationBatch) for batch in batches)
    assert sorted(torch.cat([batch.pair for batch in batches]).tolist()) == list(range(80))
    padding = sum(int((batch.target == 0).sum()) for batch in batches)
    mixed = sum(int((batch.target == 0).sum()) for batch in ready(bucketing=False).train_dataloader())
    assert padding < mixed / 3
    rows = torch.cat([batch.pair for batch in data.val_dataloader()]).tolist()
    assert sorted(rows) == list(range(10))


def test_the_test_split_is_locked() -> None:
    data = ready()
    for ask in (lambda: data.pairs("test"), data.test_dataloader):
        with pytest.raises(TestSetLockedError):
            ask()
    data.open_test()
    assert len(data.pairs("test")) == 10
    with pytest.raises(TestSetLockedError):
        data.train_dataloader()


def test_the_state_holds_tokenizers_that_read_as_before() -> None:
    data = ready(tokenizer="bpe", vocab_size=260)
    again = tokenizer_from_state(data.state()["source_tokenizer"])
    text = data.pairs("train")[0][0]
    assert again.encode(text) == data.source_tokenizer.encode(text)


@pytest.mark.parametrize("tokenizer", [{"tokenizer": "word"}, {"tokenizer": "bpe", "vocab_size": 260}])
def test_vocabularies_are_written_as_text(tmp_path: Path, tokenizer: dict) -> None:
    data = ready(**tokenizer)
    data.write_files(tmp_path)
    for side, size in (("source", "source_vocab_size"), ("target", "target_vocab_size")):
        lines = (tmp_path / f"{side}_vocabulary.txt").read_text(encoding="utf-8").splitlines()
        assert len([line for line in lines if not line.startswith("# ")]) == data.sizes[size]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tokenizer": "char"}, r"data\.tokenizer=char: choose word, space, bpe"),
        ({"tokenizer": "bpe"}, r"data\.tokenizer=bpe needs data\.vocab_size"),
        ({"max_length": 0}, r"data\.max_length=0"),
        ({"split": [0.5, 0.5, 0.5]}, r"data\.split="),
        ({"path": "a.tsv", "train": "b.tsv"}, r"data\.path and data\.train exclude each other"),
        ({"path": "a.tsv", "pairs": [["a", "b"]]}, r"data\.path and data\.pairs exclude each other"),
        (
            {"train": "b.tsv", "test": "b.tsv"},
            r"data\.val is missing: give data\.train and data\.val and data\.test",
        ),
        (
            {"pairs": [["a", "b", "c"]]},
            r"data\.pairs holds \['a', 'b', 'c'\]: give \[source, target\], both texts",
        ),
        ({"pairs": [[1, "일"]]}, r"data\.pairs holds \[1, '일'\]: give \[source, target\], both texts"),
        ({"pairs": ["ab"]}, r"data\.pairs holds 'ab'"),
        ({"pairs": []}, r"data\.pairs is empty"),
        ({"joint": True}, r"data\.joint=true is one bpe for both sides"),
        ({"max_length": None}, r"data\.max_length=None: give a whole number"),
        ({"path": "none.tsv"}, r"none\.tsv: no such file"),
    ],
)
def test_impossible_settings_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ready(**settings)


def test_one_pair_cannot_be_split(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"1 distinct pairs are too few for data\.split="):
        ready(path=columns(tmp_path, PAIRS[0]))


def test_a_split_of_empty_pairs_is_refused(tmp_path: Path) -> None:
    good, empty = columns(tmp_path, *PAIRS, name="a.tsv"), columns(tmp_path, ("", "b"), name="b.tsv")
    with pytest.raises(UserError, match="no pair in val: give at least one"):
        ready(train=good, val=empty, test=empty)


REAL = Path(__file__).parents[2].parent / "shared/data/translation"


@pytest.mark.skipif(not REAL.exists(), reason="the real pairs are not on this machine")
def test_real_files_are_read_whole() -> None:
    data = ready(
        folder=str(REAL / "multi30k"),
        **{
            split: [f"{name}.en.gz", f"{name}.de.gz"]
            for split, name in (("train", "train"), ("val", "val"), ("test", "test_2016_flickr"))
        },
    )
    splits = opened(data)
    assert [len(part) for part in splits.values()] == [29_000, 1_014, 1_000]
    assert splits["test"][0][1] == "Ein Mann mit einem orangefarbenen Hut, der etwas anstarrt."
