from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from seqlab.errors import UserError
from seqlab.networks.gru_autoencoder import GRUAutoencoder
from seqlab.tasks.next_event import NextEvent
from seqlab.training.build import (
    accepted_arguments,
    build_data,
    build_task,
    check_arguments,
    check_config,
    check_monitor,
    check_words,
    fill_sizes,
)

Compose = Callable[..., DictConfig]
SIZES = {"vocab_size": 12, "pad_id": 0, "unk_id": 3, "max_length": 20}


class Base:
    def __init__(self, *, rate: float = 1.0) -> None:
        self.rate = rate


class Derived(Base):
    def __init__(self, *, width: int, **settings: float) -> None:
        super().__init__(**settings)
        self.width = width


def anything(**settings: object) -> dict:
    return settings


def test_arguments_of_a_class_that_passes_settings_up() -> None:
    assert accepted_arguments(Derived) == ["width", "rate"]
    assert accepted_arguments(Base) == ["rate"]
    assert accepted_arguments(anything) is None
    assert accepted_arguments(type("Bare", (), {})) == []
    assert accepted_arguments(fill_sizes) == ["config", "sizes"]
    assert {"unk_id", "network", "optimizer", "scheduler", "monitor"} <= set(accepted_arguments(NextEvent))


def test_an_unknown_argument_names_the_nearest_and_all_that_are_accepted() -> None:
    with pytest.raises(UserError) as caught:
        check_arguments(GRUAutoencoder, {"hidden_sise": 4}, "model.network")
    text = str(caught.value)
    assert text.startswith("model.network.hidden_sise: GRUAutoencoder takes no such argument; ")
    assert "did you mean hidden_size?" in text
    assert "It takes vocab_size, pad_id, " in text


def test_an_unknown_argument_unlike_all_others_gets_no_guess() -> None:
    with pytest.raises(UserError) as caught:
        check_arguments(Derived, {"zzz": 4}, "here")
    assert str(caught.value) == "here.zzz: Derived takes no such argument. It takes width, rate"


def test_nothing_is_built_before_every_argument_is_checked(tmp_path: Path) -> None:
    mark = tmp_path / "built"
    layers = {"_target_": "torch.nn.Linear", "in_features": 2, "out_featurs": 3}
    config = OmegaConf.create(
        {
            "_target_": "builtins.dict",
            "first": {"_target_": "os.mkdir", "path": str(mark)},
            "layers": {"last": layers},
        }
    )
    with pytest.raises(UserError, match=r"^data\.layers\.last\.out_featurs: Linear .* out_features\?"):
        build_data(config)
    assert not mark.exists()
    instantiate(config.first)  # what a check that came too late would have left behind
    assert mark.is_dir()


def test_a_target_that_does_not_exist_is_named() -> None:
    config = OmegaConf.create({"network": {"_target_": "seqlab.networks.gru_predictor.GRUPredicter"}})
    with pytest.raises(
        UserError, match=r"^model\.network\._target_=seqlab\.networks\.gru_predictor\.GRUPred"
    ):
        check_config(config, "model")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+model.network.hiden_size=4", "model.network.hiden_size: GRUPredictor takes no such argument; did"),
        ("+optimizer.momentun=0.5", "optimizer.momentun: Adam takes no such argument"),
        (
            "+scheduler.warmup=0.5",
            "scheduler.warmup: warmup_cosine takes no such argument. It takes optimizer, total_steps",
        ),
        ("+model.unk=3", "model.unk: NextEvent takes no such argument; did you mean unk_id?"),
    ],
)
def test_a_typo_in_any_group_is_told_before_the_task_is_built(
    composed: Compose, override: str, message: str
) -> None:
    with pytest.raises(UserError) as caught:
        build_task(composed(override), SIZES)
    assert str(caught.value).startswith(message)


def test_a_typo_in_the_data_is_told(composed: Compose) -> None:
    with pytest.raises(UserError, match=r"^data\.windowsize: SessionWindows .* did you mean window_size\?"):
        build_data(composed("+data.windowsize=4").data)


def test_sizes_fill_what_is_missing_and_nothing_else(composed: Compose) -> None:
    config = composed("model=gru_ae", "model.network.hidden_size=7")
    filled = fill_sizes(config.model, SIZES)
    assert filled["unk_id"] == 3
    assert {name: filled["network"][name] for name in SIZES} == SIZES
    assert filled["network"]["hidden_size"] == 7
    assert filled["network"]["bottleneck_size"] is None
    assert OmegaConf.is_missing(config.model, "unk_id")
    assert type(filled["network"]) is dict


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("name=3", "name=3: give a text that is no number"),
        ("notes=[a]", "notes=['a']: give a text"),
        ("tags=paper", "tags=paper: give a list of texts"),
        ("tags=[1]", "tags=[1]: give a list of texts, such as tags=[baseline,paper]"),
    ],
)
def test_what_a_run_is_called_is_text(composed: Compose, override: str, message: str) -> None:
    check_words(composed("name=base", "notes='a b'", "tags=[a,b]"))
    with pytest.raises(UserError) as caught:
        check_words(composed(override))
    assert message in str(caught.value)


def test_a_size_that_the_user_gives_stands() -> None:
    config = OmegaConf.create({"vocab_size": 99, "pad_id": "???"})
    assert fill_sizes(config, SIZES) == {"vocab_size": 99, "pad_id": 0}


def test_a_size_that_the_data_does_not_know_is_named() -> None:
    config = OmegaConf.create({"network": {"num_features": "???"}})
    with pytest.raises(UserError) as caught:
        fill_sizes(config, SIZES)
    assert str(caught.value) == (
        "model.network.num_features is not set, "
        "and the data knows only vocab_size, pad_id, unk_id, max_length"
    )


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_a_built_task_trains_with_what_the_config_says(composed: Compose, optimizer: str) -> None:
    config = composed(f"optimizer={optimizer}", "optimizer.lr=0.03", "scheduler=constant")
    task = build_task(config, SIZES)
    assert isinstance(task, NextEvent)
    assert task.monitor == "val/loss"
    assert task.network.output.out_features == 12
    chosen = task.configure_optimizers()["optimizer"]
    assert (
        type(chosen)
        is {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[optimizer]
    )
    assert chosen.param_groups[0]["lr"] == 0.03


@pytest.mark.parametrize("metric", ["test/auroc", "test/loss", "oracle/f1", "train/loss", "loss"])
def test_only_a_validation_metric_may_judge(composed: Compose, metric: str) -> None:
    check_monitor(composed())
    with pytest.raises(UserError) as caught:
        check_monitor(composed(f"monitor.metric={metric}"))
    assert str(caught.value).startswith(f"monitor.metric={metric}: a model is judged by a validation metric")
    assert "the test set is locked" in str(caught.value)


def test_the_direction_is_min_or_max(composed: Compose) -> None:
    check_monitor(composed("monitor.mode=max"))
    with pytest.raises(UserError, match=r"^monitor\.mode=lower: choose min or max$"):
        check_monitor(composed("monitor.mode=lower"))
