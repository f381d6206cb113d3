from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.data.labelled_text import LabelledText, TextCoder
from seqlab.errors import UserError

UNITS = ("character", "word", "subword")


def data(**settings: Any) -> LabelledText:
    found = LabelledText(**({} if "path" in settings else {"sample": {"num_texts": 200}}) | settings)
    found.setup()
    return found


def written(tmp_path: Path, rows: list[str], name: str = "texts.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_the_sample_says_that_it_is_synthetic() -> None:
    module = data()
    assert module.coder.labels == ("account", "billing", "defect", "delivery", "return")
    assert any("Synthetic data: made-up support tickets" in notice for notice in module.notices)
    assert module.train_unit == "texts"


@pytest.mark.parametrize("unit", UNITS)
def test_a_coder_comes_back_from_its_state_whatever_it_reads(unit: str) -> None:
    coder = data(unit=unit, lower=True, vocab_size=200).coder
    again = TextCoder.from_state(coder.state())
    text = "My KETTLE was sent, 김치!"
    assert again.encode(text) == coder.encode(text)
    assert again.labels == coder.labels
    read = [coder.vocabulary.tokens[number] for number in coder.encode("the kettle")[1:-1]]
    expected = {"character": list("the kettle"), "word": ["the", "kettle"]}
    if unit in expected:
        assert read == expected[unit]
    else:
        assert "".join(read).replace("▁", " ").strip() == "the kettle"
        assert 2 <= len(read) < len("the kettle")


def test_subwords_are_learned_from_training_alone(tmp_path: Path) -> None:
    rows = [f"{'good' if number % 2 else 'bad'} film {number},{'AB'[number % 2]}" for number in range(60)]
    test = written(tmp_path, ["text,label", "ξένος good,B", "ξένος bad,A"], "test.csv")
    train = written(tmp_path, ["text,label", *rows])
    module = data(path=None, train=train, test=test, unit="subword", vocab_size=40)
    tokens = module.coder.vocabulary.tokens
    assert not any("ξ" in token for token in tokens)
    assert [tokens[number] for number in module.coder.encode("ξ")][-2] == "<unk>"
    assert len(tokens) <= 40


def test_other_scripts_are_read_as_they_are_written(tmp_path: Path) -> None:
    rows = [f"배송이 늦어요 {number},delivery" for number in range(20)]
    rows += [f"払い戻し してください {number},refund" for number in range(20)]
    module = data(path=written(tmp_path, ["text,label", *rows]), unit="character")
    assert {"늦", "戻"} < set(module.coder.vocabulary.tokens)


def test_scored_gives_each_row_once_with_its_own_tokens() -> None:
    module = data(scoring_batch_size=7)
    items, seen = module.items("val"), []
    for rows, batch in module.scored("val"):
        seen += rows.tolist()
        for row, tokens, length in zip(rows.tolist(), batch.tokens, batch.lengths, strict=True):
            assert tokens[:length].tolist() == module.coder.encode(items.texts[row])
    assert sorted(seen) == list(range(len(items)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unit": "byte"}, r"data\.unit=byte: choose character or word or subword"),
        ({"delimiter": "::"}, r"data\.delimiter=::: give one character"),
        ({"columns": ["text"]}, r"data\.columns=\['text'\]: give two"),
        ({"vocab_size": 0}, r"data\.vocab_size=0: give a whole number, at least 1"),
    ],
)
def test_a_setting_out_of_range_is_told(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        LabelledText(**settings)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            ["text,label", "a,A", "b,B"],
            r"data\.path: 2 distinct texts of 2 labels are too few for data\.split=",
        ),
        (["text,label", "a,A", ",B"], r"texts\.csv, line 3: the text is empty"),
        (["body,label", "a,A", "b,B"], r"a header without a column name or text or sentence"),
    ],
)
def test_a_file_that_does_not_fit_is_told(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        data(path=written(tmp_path, rows))


def test_too_few_subwords_are_told() -> None:
    with pytest.raises(UserError, match=r"data\.vocab_size=5: the training text has \d+ distinct characters"):
        data(unit="subword", vocab_size=5)


def test_gold_labels_of_a_batch() -> None:
    module = data()
    batch = module.dataset("train")[torch.arange(5)]
    assert [module.coder.labels[number] for number in batch.labels.tolist()] == list(
        module.items("train").labels[:5]
    )
