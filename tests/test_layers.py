"""Every model with every kind of layers: trained two steps, judged, and from its checkpoint again."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf

from seqlab.search.sampling import Sampling, sample_tokens
from seqlab.training.build import build_data, build_task

ROOT = Path(__file__).resolve().parents[1]
LAYERS = sorted(path.stem for path in (ROOT / "conf" / "layers").glob("*.yaml"))
ONE_OF_A_KIND = [  # torch's cells have a model each that is tested elsewhere
    pytest.param(name, marks=pytest.mark.soak if name in ("rnn", "gru", "lstm", "minlstm") else ())
    for name in LAYERS
]
MODELS = ["gru", "gru_ae", "char_rnn", "classifier", "tagger", "lstm", "seq2seq"]
TINY = OmegaConf.load(ROOT / "tests" / "tiny_data.yaml")
Compose = Callable[..., DictConfig]


def overrides(composed: Compose, model: str, layers: str) -> list[str]:
    data = composed(f"model={model}", hydra=True).hydra.runtime.choices.data
    small = "model.network.hidden_size=8"
    return [f"model={model}", f"layers={layers}", *TINY.get(data, []), "data.batch_size=16", small]


@cache
def data_of(settings: str, node: Any = None) -> Any:
    data: Any = build_data(OmegaConf.create(settings))
    data.setup()
    return data


@pytest.mark.parametrize("layers", ONE_OF_A_KIND)
@pytest.mark.parametrize("model", MODELS)
def test_every_model_trains_with_every_kind_of_layers(composed: Compose, model: str, layers: str) -> None:
    given = overrides(composed, model, layers)
    if model == "char_rnn":
        given.remove("data.batch_size=16")
    config = composed(*given)
    data = data_of(OmegaConf.to_yaml(config.data, resolve=True))
    pl.seed_everything(0, verbose=False)
    task: Any = build_task(config, data.sizes)
    before = torch.cat([weight.detach().flatten().clone() for weight in task.network.parameters()])
    quiet: dict[str, Any] = dict.fromkeys(("logger", "enable_progress_bar", "enable_model_summary"), False)
    pl.Trainer(fast_dev_run=2, accelerator="cpu", **quiet).fit(task, datamodule=data)
    after = torch.cat([weight.detach().flatten() for weight in task.network.parameters()])
    assert after.isfinite().all()
    assert not torch.equal(before, after)
    again: Any = build_task(config, data.sizes)
    again.network.load_state_dict(task.network.state_dict())
    batch = next(iter(data.val_dataloader()))
    with torch.inference_mode():
        one, two = (each.eval().predict_step(batch) for each in (task, again))
    assert torch.equal(torch.cat(flat(one)), torch.cat(flat(two)))


def flat(found: Any) -> list[torch.Tensor]:
    """All numbers of what a predict_step gives."""
    if isinstance(found, torch.Tensor):
        return [found.flatten().double()]
    if isinstance(found, list | tuple):
        return [part for each in found for part in flat(each)]
    return [torch.tensor([found]).double()] if isinstance(found, int | float) else []


@pytest.mark.parametrize("layers", LAYERS)
def test_text_is_written_as_it_is_read(composed: Compose, layers: str) -> None:
    """What is drawn step by step is the likeliest after a reading of all that stands before it."""
    config = composed("model=char_rnn", f"layers={layers}", "model.network.hidden_size=8")
    data = data_of(OmegaConf.to_yaml(config.data, resolve=True))
    pl.seed_everything(0, verbose=False)
    network = build_task(config, data.sizes).network.eval()
    drawn = sample_tokens(network, [5, 6, 7], sampling=Sampling(0.0, top_p=1.0), forbidden=[0, 1], seed=0)
    text = [5, 6, 7] + [next(drawn) for _ in range(20)]
    with torch.inference_mode():
        logits = network(torch.tensor([text]), None)[0][0].index_fill(1, torch.tensor([0, 1]), -torch.inf)
    assert logits[2:-1].argmax(dim=1).tolist() == text[3:]


def test_a_kind_of_layers_wins_over_the_recipe_and_its_settings_over_it(composed: Compose) -> None:
    assert composed("experiment=shakespeare").model.network.cell == "lstm"
    assert composed("experiment=shakespeare", "layers=mingru").model.network.cell == "mingru"
    cell = composed("model=gru", "layers=tcn", "model.network.cell.kernel_size=5").model.network.cell
    assert (cell.kernel_size, cell.num_blocks) == (5, 4)


@pytest.mark.parametrize("model", ["gru_ae", "seq2seq"])
def test_a_decoder_of_any_layers_reads_what_was_read(composed: Compose, model: str) -> None:
    """Without attention the summary is all that it has, however long it writes."""
    given = overrides(composed, model, "tcn")
    config = composed(*given, "model.network.attention=none", "model.network.cell.num_blocks=1")
    data = data_of(OmegaConf.to_yaml(config.data, resolve=True))
    network = build_task(config, data.sizes).network.eval()
    decoder = network.decoder
    tokens = torch.full((2, 30), 5)
    states = decoder.begin(torch.stack((torch.zeros(8), torch.ones(8)))[None])
    memory = decoder.remember(torch.zeros(2, 1, 8), torch.ones(2, 1, dtype=torch.bool))
    readout, _, _ = decoder.readout(tokens, states, memory)
    assert not torch.allclose(readout[0, -1], readout[1, -1])
