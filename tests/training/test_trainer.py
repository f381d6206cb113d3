import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
import pytorch_lightning as pl
import torch
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import TQDMProgressBar

from seqlab.errors import UserError
from seqlab.training.trainer import CPU_BF16, PRECISIONS, build_trainer, check_hardware, hardware

NUM_GPUS = torch.cuda.device_count()
Compose = Callable[..., DictConfig]


def test_zero_is_the_cpu() -> None:
    assert hardware(0) == {"accelerator": "cpu", "devices": 1}


def test_auto_is_all_gpus_or_the_cpu() -> None:
    expected = {"accelerator": "gpu", "devices": NUM_GPUS} if NUM_GPUS else hardware(0)
    assert hardware("auto") == expected


@pytest.mark.skipif(NUM_GPUS > 0, reason="this machine has a GPU")
@pytest.mark.parametrize("gpus", [1, 8])
def test_a_gpu_where_there_is_none_says_what_to_type(gpus: int) -> None:
    with pytest.raises(UserError) as caught:
        hardware(gpus)
    assert str(caught.value) == (
        f"trainer.gpus={gpus}: this machine shows no GPU; type trainer.gpus=0 for the CPU"
    )


@pytest.mark.skipif(NUM_GPUS == 0, reason="this machine has no GPU")
def test_gpus_that_are_there_are_used_and_one_more_is_an_error() -> None:
    assert hardware(NUM_GPUS) == {"accelerator": "gpu", "devices": NUM_GPUS}
    with pytest.raises(UserError, match=f"this machine shows {NUM_GPUS} GPU"):
        hardware(NUM_GPUS + 1)


@pytest.mark.parametrize("gpus", [-1, "many", 0.5, True, None])
def test_what_is_no_number_of_gpus_is_named(gpus: object) -> None:
    with pytest.raises(UserError) as caught:
        hardware(gpus)
    assert str(caught.value) == f"trainer.gpus={gpus}: give 0 for the CPU, a number of GPUs, or auto"


@pytest.mark.parametrize("precision", ["bf16", "32", "fp16-mixed", 16])
def test_a_precision_that_is_not_offered_lists_those_that_are(composed: Compose, precision: object) -> None:
    config = composed(f"trainer.precision={precision}").trainer
    with pytest.raises(UserError) as caught:
        check_hardware(config)
    assert str(caught.value) == f"trainer.precision={precision}: choose 32-true, bf16-mixed, 16-mixed, auto"


@pytest.mark.parametrize("precision", PRECISIONS[:2])
def test_offered_precisions_pass(composed: Compose, precision: str) -> None:
    check_hardware(composed(f"trainer.precision={precision}").trainer)


@pytest.mark.parametrize(("supported", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_auto_computes_in_bf16_where_the_cpu_does(
    composed: Compose, monkeypatch: pytest.MonkeyPatch, supported: bool, expected: str, tmp_path: Path
) -> None:
    for name in CPU_BF16:
        assert isinstance(getattr(torch.cpu, name)(), bool)  # torch's own names for it
        monkeypatch.setattr(torch.cpu, name, lambda: supported)
    config = composed("trainer.precision=auto").trainer
    check_hardware(config)
    assert build_trainer(config, [], [], tmp_path).precision == expected


def test_half_precision_on_the_cpu_says_what_to_type(composed: Compose) -> None:
    with pytest.raises(UserError) as caught:
        check_hardware(composed("trainer.precision=16-mixed", "trainer.gpus=0").trainer)
    assert str(caught.value) == (
        "trainer.precision=16-mixed: needs a GPU, and this run is on the CPU; type "
        "trainer.precision=bf16-mixed, or trainer.gpus=1 where there is one"
    )


@pytest.mark.skipif(NUM_GPUS == 0, reason="this machine has no GPU")
def test_half_precision_on_a_gpu_passes(composed: Compose) -> None:
    check_hardware(composed("trainer.precision=16-mixed", "trainer.gpus=1").trainer)


def test_where_the_time_went_lies_in_the_run_folder(composed: Compose, tmp_path: Path) -> None:
    profiler = build_trainer(composed("trainer.profiler=simple").trainer, [], [], tmp_path).profiler
    profiler.setup("fit")
    with profiler.profile("a part of training"):
        pass
    profiler.describe()
    assert "a part of training" in (tmp_path / "fit-profile.txt").read_text()


def test_every_argument_of_lightnings_trainer_is_a_key_and_none_is_invented(root: Path) -> None:
    keys = set(OmegaConf.load(root / "conf/trainer/default.yaml"))
    arguments = set(inspect.signature(pl.Trainer.__init__).parameters) - {"self"}
    own = {"gpus", "processes", "threads", "progress_bar_refresh_rate", "compile", "overfit", "fast"}
    assert keys - arguments == own
    assert arguments - keys == {"accelerator", "devices", "callbacks", "logger", "default_root_dir"}


def test_keys_reach_the_trainer(composed: Compose, tmp_path: Path) -> None:
    config = composed(
        "trainer.max_epochs=3",
        "trainer.gradient_clip_val=0.5",
        "trainer.accumulate_grad_batches=2",
        "trainer.log_every_n_steps=7",
        "trainer.max_time=00:01:00:00",
        "trainer.progress_bar_refresh_rate=3",
        "trainer.precision=bf16-mixed",
    ).trainer
    callback = pl.Callback()
    trainer = build_trainer(config, [callback], [], tmp_path)
    assert trainer.max_epochs == 3
    assert trainer.gradient_clip_val == 0.5
    assert trainer.accumulate_grad_batches == 2
    assert trainer.log_every_n_steps == 7
    assert trainer.precision == "bf16-mixed"
    assert trainer.loggers == []
    assert trainer.default_root_dir == str(tmp_path)
    assert callback in trainer.callbacks
    bars = [found for found in trainer.callbacks if isinstance(found, TQDMProgressBar)]
    assert [bar.refresh_rate for bar in bars] == [3]


def test_no_progress_bar_when_it_is_off(composed: Compose, tmp_path: Path) -> None:
    trainer = build_trainer(composed("trainer.enable_progress_bar=false").trainer, [], [], tmp_path)
    assert trainer.progress_bar_callback is None


def test_an_argument_that_lightning_does_not_take_names_the_nearest(composed: Compose) -> None:
    config = composed("+trainer.max_epoch=3").trainer
    with pytest.raises(
        UserError, match=r"^trainer\.max_epoch: Trainer takes no .* did you mean max_epochs\?"
    ):
        check_hardware(config)
