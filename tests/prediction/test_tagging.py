from pathlib import Path

import pytest
import torch

from seqlab.data.entities import Entities
from seqlab.errors import UserError
from seqlab.networks.entity_tagger import EntityTagger
from seqlab.prediction.tagging import predict_entities, read_sentences
from seqlab.tasks.tagging import Tagging


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "input.txt"
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def test_lines_of_text_and_columns_are_told_apart(tmp_path: Path) -> None:
    text = read_sentences(written(tmp_path, "Ann met  Bob\n\nBonn\n"))
    assert text.tokens == ("Ann", "met", "Bob", "Bonn")
    assert text.lengths.tolist() == [3, 1]
    columns = read_sentences(written(tmp_path, "Ann\tB-PER\nmet\tO\n\nBonn\tB-LOC\n"))
    assert columns.tokens == ("Ann", "met", "Bonn")
    assert columns.lengths.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"input\.txt: the file is empty; expected one sentence a line"),
        (b"fine\nb\xe4d\n", r"input\.txt, line 2: byte 0xe4 is not UTF-8"),
        ("fine\na\t\tb\n", r"input\.txt, line 2: a token is empty"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_sentences(written(tmp_path, content))


def test_prediction_is_that_of_the_datas_own_batches(tmp_path: Path) -> None:
    data = Entities(sample={"num_sentences": 60, "seed": 0})
    data.setup()
    torch.manual_seed(0)
    task = Tagging(network=EntityTagger(**data.sizes, hidden_size=6, embedding_size=5))
    sentences = data.sentences("val")
    lines = [" ".join(sentences.sentence(row)[0]) for row in range(len(sentences))]
    table = predict_entities(task, {"data": data.state()}, written(tmp_path, "\n".join(lines)))
    assert table.columns.tolist() == ["sentence", "token", "tag"]
    assert tuple(table["token"]) == sentences.tokens
    for row in range(len(sentences)):
        _, tags = task.judge_batch(data.dataset("val")[torch.tensor([row])])
        expected = [data.tag_names[tag] for tag in tags[0].tolist()]
        assert table.loc[table["sentence"] == row + 1, "tag"].tolist() == expected


def test_words_letters_and_scripts_that_training_lacks_are_tagged(tmp_path: Path) -> None:
    data = Entities(sample={"num_sentences": 60, "seed": 0})
    data.setup()
    task = Tagging(network=EntityTagger(**data.sizes, hidden_size=6, embedding_size=5))
    table = predict_entities(task, {"data": data.state()}, written(tmp_path, "東京 שלום " + "x" * 500))
    assert len(table) == 3
    assert set(table["tag"]) <= set(data.tag_names)
