"""``seqlab.load``: each kind of model from its checkpoint, and new data as its batches."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning import Trainer

import seqlab
from seqlab.data.text_codec import clean_text
from seqlab.errors import UserError
from seqlab.training.build import build_data, build_task
from seqlab.training.callbacks import build_callbacks
from seqlab.training.checkpoints import contents_of

Compose = Callable[..., DictConfig]
PRICES = "Date,Open,High,Low,Close,Volume\n" + "".join(
    f"2020-01-{day:02},10,11,9,{10 + day % 3},100\n" for day in range(1, 13)
)


@pytest.fixture
def saved(composed: Compose, tmp_path: Path) -> Callable[..., tuple[Path, Any, Any]]:
    """Writes a checkpoint of a model after one step; gives it, the task and the data."""

    def save(model: str, *overrides: str) -> tuple[Path, Any, Any]:
        choices = composed(f"model={model}", hydra=True).hydra.runtime.choices
        small = OmegaConf.load(Path(__file__).parent / "tiny_data.yaml")[choices.data]
        config = composed(f"model={model}", "model.network.hidden_size=6", *small, *overrides)
        data = build_data(config.data)
        data.setup()
        task = build_task(config, data.sizes)
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=1,
            limit_train_batches=1,
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=build_callbacks(config, tmp_path, contents_of(config, data)).all,
        )
        trainer.fit(task, datamodule=data)
        return tmp_path / "last.ckpt", task.eval(), data

    return save


def test_a_tagger_tags_new_sentences(saved: Callable[..., Any], tmp_path: Path) -> None:
    path, trained, data = saved("tagger")
    task, new = seqlab.load(path)
    assert not task.training
    sentences = data.sentences("val")
    rows = [list(sentences.sentence(row)[0]) for row in range(2)]
    batch = new.encode(rows)
    expected = data.dataset("val")[torch.arange(2)]
    for name in ("words", "shapes", "lengths", "mask"):
        assert torch.equal(getattr(batch, name), getattr(expected, name))
    assert torch.equal(task.predict_step(batch), trained.predict_step(expected))
    assert torch.equal(new.encode([" ".join(row) for row in rows]).words, batch.words)
    (tmp_path / "text.txt").write_text("\n".join(" ".join(row) for row in rows), encoding="utf-8")
    table = new.predict(tmp_path / "text.txt")
    tags = task.predict_step(batch)[batch.mask].tolist()
    assert table["tag"].tolist() == [data.tag_scheme.names[tag] for tag in tags]


def test_a_classifier_reads_names(saved: Callable[..., Any]) -> None:
    path, trained, data = saved("name_classifier")
    task, new = seqlab.load(path)
    batch = new.encode(data.items("val").texts[:3])
    expected = trained.predict_step(data.dataset("val")[torch.arange(3)])
    torch.testing.assert_close(task.predict_step(batch), expected)
    messy, clean = (new.encode([name]) for name in ("  Caf\u0065\u0301\t  Mu\u0308ller ", "Café Müller"))
    assert torch.equal(messy.tokens, clean.tokens)  # as the reader of files cleans names


def test_a_language_model_reads_a_text_from_its_first_token(saved: Callable[..., Any]) -> None:
    path, _, data = saved("char_rnn")
    task, new = seqlab.load(path)
    text = clean_text(data.texts["val"])[:20]
    batch = new.encode(text)
    assert data.codec.decode(batch.inputs[0].tolist()) == text[:-1]
    assert data.codec.decode(batch.targets[0].tolist()) == text[1:]
    assert task.predict_step(batch).nll.shape == (1, 19)


def test_a_translator_translates_sources(saved: Callable[..., Any]) -> None:
    path, _, data = saved("seq2seq")
    task, new = seqlab.load(path)
    sources = [source for source, _ in data.pairs("val")[:2]]
    batch = new.encode(sources)
    lengths = [len(data.source_tokenizer.encode(source)) + 1 for source in sources]  # the end counts
    assert batch.source_lengths.tolist() == lengths
    assert batch.target_lengths.tolist() == [1, 1]
    assert len(task.predict_step(batch)) == 2


@pytest.mark.parametrize("model", ["gru", "gru_ae"])
def test_a_detector_reads_sessions(saved: Callable[..., Any], model: str) -> None:
    path, trained, data = saved(model)
    task, new = seqlab.load(path)
    sessions = data.sessions("val")
    batch = new.encode([sessions.keys(row) for row in range(len(sessions))])
    scores, expected = task.predict_step(batch), trained.predict_step(next(iter(data.val_dataloader())))
    torch.testing.assert_close(scores.nll, expected.nll)


def test_a_forecaster_reads_a_file_of_prices(saved: Callable[..., Any], tmp_path: Path) -> None:
    path, _, data = saved("lstm")
    (tmp_path / "prices.csv").write_text(PRICES, encoding="utf-8")
    task, new = seqlab.load(path)
    batch = new.encode(tmp_path / "prices.csv")
    days = 12 - data.encoding.history + 1
    assert batch.inputs.shape == (days, data.encoding.seq_length, len(data.encoding.features))
    assert len(task.predict_step(batch)) == days == len(new.predict(tmp_path / "prices.csv"))


def test_mistakes_are_told(saved: Callable[..., Any], tmp_path: Path) -> None:
    path, _, _ = saved("tagger")
    new = seqlab.load(path).data
    with pytest.raises(UserError, match=r"encode\('a text'\): give a list of sentences"):
        new.encode("a text")
    with pytest.raises(UserError, match=r"encode: sentence 2 has no word"):
        new.encode([["a"], []])
    with pytest.raises(UserError, match=r"none\.ckpt"):
        seqlab.load(tmp_path / "none.ckpt")
    with pytest.raises(UserError, match="--trust os: a part of Python itself"):
        seqlab.load(path, trust=["os"])
