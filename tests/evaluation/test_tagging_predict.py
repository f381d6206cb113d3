from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig
from pytorch_lightning import Trainer

from seqlab.data.conll import read_sentences
from seqlab.data.tagged_text import Entities
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents
from seqlab.evaluation.tagging import TaggingEvaluation
from seqlab.networks.tagger import Tagger
from seqlab.tasks.tagging import Tagging
from seqlab.training.build import build_data, build_task
from seqlab.training.callbacks import build_callbacks
from seqlab.training.checkpoints import contents_of, load_task


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "input.txt"
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def predicted(task: Tagging, data: Entities, path: Path) -> Any:
    return TaggingEvaluation().predict(task, Contents({}, {}, {}, data.state()), path)


def test_lines_of_text_and_columns_are_told_apart(tmp_path: Path) -> None:
    text = read_sentences(written(tmp_path, "Ann met  Bob\n\nBonn\n"))
    assert text.tokens == ("Ann", "met", "Bob", "Bonn")
    assert text.lengths.tolist() == [3, 1]
    columns = read_sentences(written(tmp_path, "Ann\tB-PER\nmet\tO\n\nBonn\tB-LOC\n"))
    assert columns.tokens == ("Ann", "met", "Bonn")
    assert columns.lengths.tolist() == [2, 1]
    spaced = read_sentences(written(tmp_path, "-DOCSTART- O\n\nAnn B-PER\nmet O\n\nBonn B-LOC\n"))
    assert spaced.tokens == columns.tokens
    untagged = read_sentences(written(tmp_path, "Ann\tNNP\nmet\tVBD\n"))
    assert untagged.tokens == ("Ann", "met")
    numbered = "# text = Ann's\n1-2\tAnn's\t_\n1\tAnn\t_\n2\t's\t_\n\n1\tBonn\t_\n"
    assert read_sentences(written(tmp_path, numbered)).tokens == ("Ann", "'s", "Bonn")
    commented = read_sentences(written(tmp_path, "# a comment\nAnn B-PER\nis O\n#met O\n"))
    assert commented.tokens == ("Ann", "is", "#met")
    assert read_sentences(written(tmp_path, "# of a text\nAnn met Bob\n")).lengths.tolist() == [4, 3]
    known = written(tmp_path, "Ann PROPN\nleft VERB\n")
    assert read_sentences(known, ("VERB", "PROPN")).tokens == ("Ann", "left")
    assert read_sentences(known).tokens == ("Ann", "PROPN", "left", "VERB")
    assert read_sentences(written(tmp_path, "Her blood is O\n")).tokens == ("Her", "blood", "is", "O")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"input\.txt: the file is empty; expected one sentence a line"),
        (b"fine\nb\xe4d\n", r"input\.txt, line 2: byte 0xe4 is not UTF-8"),
        ("fine\n\tb\n", r"input\.txt, line 2: the token is empty"),
        ("-DOCSTART-\tO\n", r"input\.txt: no sentence in it; expected one sentence a line"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_sentences(written(tmp_path, content))


def test_prediction_is_that_of_the_datas_own_batches(tmp_path: Path) -> None:
    data = Entities(sample={"num_sentences": 60, "seed": 0})
    data.setup()
    torch.manual_seed(0)
    task = Tagging(network=Tagger(**data.sizes, hidden_size=6, embedding_size=5))
    sentences = data.sentences("val")
    lines = [" ".join(sentences.sentence(row)[0]) for row in range(len(sentences))]
    table = TaggingEvaluation().predict(
        task, Contents({}, {}, {}, data.state()), written(tmp_path, "\n".join(lines))
    )
    assert table.columns.tolist() == ["sentence", "token", "tag"]
    assert tuple(table["token"]) == sentences.tokens
    for row in range(len(sentences)):
        _, tags = task.judge_batch(data.dataset("val")[torch.tensor([row])])
        expected = [data.tag_scheme.names[tag] for tag in tags[0].tolist()]
        assert table.loc[table["sentence"] == row + 1, "tag"].tolist() == expected


def test_words_letters_and_scripts_that_training_lacks_are_tagged(tmp_path: Path) -> None:
    data = Entities(sample={"num_sentences": 60, "seed": 0})
    data.setup()
    task = Tagging(network=Tagger(**data.sizes, hidden_size=6, embedding_size=5))
    table = TaggingEvaluation().predict(
        task, Contents({}, {}, {}, data.state()), written(tmp_path, "東京 שלום " + "x" * 500)
    )
    assert len(table) == 3
    assert set(table["tag"]) <= set(data.tag_scheme.names)


def test_a_checkpoint_needs_no_file_of_word_vectors(
    composed: Callable[..., DictConfig], tmp_path: Path
) -> None:
    vectors = tmp_path / "glove.txt"
    vectors.write_text("the 0.5 0.25 -0.5 1\nlives 2 2 2 2\n", encoding="utf-8")
    config = composed(
        "model=entity_tagger",
        "data.sample.num_sentences=60",
        f"model.network.vectors={vectors}",
        "model.network.embedding_size=4",
        "optimizer=sgd",
        "optimizer.lr=0.0",
        "scheduler=constant",
    )
    data: Any = build_data(config.data)
    data.setup()
    assert "vectors of 2 of" in data.notices[-1]
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=build_callbacks(config, tmp_path, contents_of(config, data)).all,
    )
    trainer.fit(build_task(config, data.sizes), datamodule=data)
    vectors.unlink()
    task, contents = load_task(tmp_path / "last.ckpt")
    the = data.coder.words.id("the")
    assert task.network.word_embedding.weight[the].tolist() == [0.5, 0.25, -0.5, 1]
    table = task.evaluation.predict(task, contents, written(tmp_path, "Ana lives here"))
    assert table["token"].tolist() == ["Ana", "lives", "here"]


def test_vectors_of_another_size_are_refused_before_training(
    composed: Callable[..., DictConfig], tmp_path: Path
) -> None:
    (tmp_path / "glove.txt").write_text("the 1 2\n", encoding="utf-8")
    config = composed("model=entity_tagger", f"model.network.vectors={tmp_path / 'glove.txt'}")
    with pytest.raises(UserError, match=r"line 1: 2 numbers after the word, .*embedding_size is 100"):
        build_data(config.data).setup()
