"""The same training in another precision: losses within a stated tolerance, on every path of a network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf

from seqlab.networks.recurrent import LSTM, onednn_runs_lstm_in_bfloat16
from seqlab.training.build import build_data, build_task
from seqlab.training.trainer import build_trainer

Compose = Callable[..., DictConfig]
TOLERANCE = 0.01  # of each step's loss; bfloat16 has 8 bits, so a single number is off by up to 0.4 %
STEPS = 6
# dropout draws its masks in the precision at hand: without it, only arithmetic differs
MODELS = {
    "gru": ("model.network.share_prefixes=true",),
    "gru, plain": ("model.network.share_prefixes=false",),
    "gru, lstm cell": ("model.network.cell=lstm",),
    "gru_ae": ("model.network.share_prefixes=true",),
    "gru_ae, attention": ("model.network.attention=concat", "model.network.share_prefixes=false"),
    "lstm": ("model.network.dropout=0",),
    "char_rnn": (),
    "seq2seq": ("model.network.dropout=0",),
    "name_classifier": (
        "model.network.dropout=0",
        "model.network.embedding_dropout=0",
        "model.network.token_dropout=0",
    ),
    "entity_tagger": (
        "model.network.dropout=0",
        "model.network.singleton_dropout=0",
    ),
}


class Losses(pl.Callback):
    """Keeps the loss of each step."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def on_train_batch_end(self, *arguments: Any) -> None:
        self.values.append(float(arguments[2]["loss"]))


@pytest.fixture
def losses(composed: Compose, root: Path, tmp_path: Path) -> Callable[..., torch.Tensor]:
    """Losses of the first steps of a small training."""
    small = OmegaConf.load(root / "tests/tiny_data.yaml")

    def train(model: str, *overrides: str) -> torch.Tensor:
        choice = f"model={model.split(',', maxsplit=1)[0]}"
        data_name = composed(choice, hydra=True).hydra.runtime.choices.data
        config = composed(
            choice,
            *small[data_name],
            *MODELS[model],
            "data.batch_size=8",
            "model.network.hidden_size=16",
            "scheduler=constant",
            f"trainer.max_steps={STEPS}",
            "trainer.enable_progress_bar=false",
            "trainer.enable_checkpointing=false",
            *overrides,
        )
        torch.manual_seed(0)
        data: Any = build_data(config.data)
        data.setup()
        kept = Losses()
        build_trainer(config.trainer, [kept], [], tmp_path).fit(
            build_task(config, data.sizes), datamodule=data
        )
        return torch.tensor(kept.values)

    return train


@pytest.mark.parametrize("model", MODELS)
def test_losses_in_bfloat16_follow_those_in_float32(losses: Callable[..., torch.Tensor], model: str) -> None:
    expected = losses(model, "trainer.precision=32-true")
    found = losses(model, "trainer.precision=bf16-mixed")
    assert len(found) == STEPS
    assert not torch.equal(found, expected)  # another precision it was
    torch.testing.assert_close(found, expected, rtol=TOLERANCE, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="16-mixed needs a GPU")
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("model", MODELS)
def test_losses_in_half_precision_on_a_gpu(
    losses: Callable[..., torch.Tensor], model: str, precision: str
) -> None:
    expected = losses(model, "trainer.gpus=1", "trainer.precision=32-true")
    found = losses(model, "trainer.gpus=1", f"trainer.precision={precision}")
    torch.testing.assert_close(found, expected, rtol=TOLERANCE, atol=0)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_lstm_is_torchs_and_runs_in_bfloat16_on_any_cpu(bidirectional: bool) -> None:
    torch.manual_seed(0)
    ours = LSTM(3, 5, bidirectional=bidirectional)
    torchs = torch.nn.LSTM(3, 5, batch_first=True, bidirectional=bidirectional)
    torchs.load_state_dict(ours.state_dict())
    batch = torch.randn(2, 4, 3)
    expected, (hidden, cell) = torchs(batch)
    found, state = ours(batch)
    torch.testing.assert_close((found, *state), (expected, hidden, cell), rtol=0, atol=0)
    with torch.autocast("cpu", torch.bfloat16):
        half, _ = ours(batch)
        if onednn_runs_lstm_in_bfloat16():
            torch.testing.assert_close(half, torchs(batch)[0])
    torch.testing.assert_close(half.float(), expected, rtol=0.02, atol=0.02)
    half.float().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in ours.parameters())
