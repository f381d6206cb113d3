from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import EarlyStopping, LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.loggers import Logger

from seqlab.composing.help import first_comment
from seqlab.composing.jobs import check_jobs
from seqlab.errors import UserError
from seqlab.evaluation.detection import DetectionEvaluation
from seqlab.training.build import (
    build_data,
    build_evaluation,
    build_task,
    check_config,
    check_monitor,
    fill_sizes,
)
from seqlab.training.callbacks import build_callbacks
from seqlab.training.checkpoints import contents_of
from seqlab.training.run_folder import RunFolder
from seqlab.training.tracking import build_loggers
from seqlab.training.trainer import build_trainer

Compose = Callable[..., DictConfig]
CONF = Path(__file__).resolve().parents[1] / "conf"
SIZES = {"vocab_size": 30, "pad_id": 0, "unk_id": 3, "max_length": 40}
LOG_DATA = ("hdfs_window", "hdfs_padded")


def tiny(composed: Compose, *overrides: str) -> DictConfig:
    """A config whose data is the smallest sample of its kind."""
    choices = composed(*overrides, hydra=True).hydra.runtime.choices
    small = OmegaConf.to_container(OmegaConf.load(Path(__file__).parent / "tiny_data.yaml"))
    return composed(*overrides, *small[choices.data], *small.get(f"experiment={choices.experiment}", []))


def members(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


GROUPS = sorted(path.name for path in CONF.iterdir() if path.is_dir() and members(path.name))
EVERY = [(group, name) for group in GROUPS for name in members(group)]


@pytest.mark.parametrize(("group", "name"), EVERY)
def test_every_file_composes_checks_and_says_what_it_is(composed: Compose, group: str, name: str) -> None:
    config = composed(f"{group}={name}", hydra=True)
    assert config.hydra.runtime.choices[group] == name
    check_monitor(config)
    for part in ("data", "model", "optimizer", "scheduler", "evaluation", "logger", "callbacks"):
        check_config(config[part], part)
    assert OmegaConf.missing_keys(config.optimizer) == OmegaConf.missing_keys(config.scheduler) == set()
    assert first_comment(CONF / group / f"{name}.yaml")


@pytest.mark.parametrize("kind", ["window", "padded"])
def test_hdfs_names_are_spellings_of_the_general_data(composed: Compose, kind: str) -> None:
    assert composed(f"data=hdfs_{kind}").data == composed(f"data=sessions_{kind}").data


def test_what_the_design_names_is_there() -> None:
    assert {"gru", "gru_ae"} <= set(members("model"))
    assert {*LOG_DATA, "sessions_window", "sessions_padded"} <= set(members("data"))
    assert {"constant", "cosine", "warmup_cosine", "onecycle", "plateau"} <= set(members("scheduler"))
    assert {"adam", "adamw", "sgd"} <= set(members("optimizer"))
    assert {"csv", "wandb", "tensorboard", "mlflow", "none"} <= set(members("logger"))


@pytest.mark.parametrize("model", members("model"))
def test_every_model_names_a_validation_metric_and_a_direction_itself(model: str) -> None:
    own = OmegaConf.load(CONF / "model" / f"{model}.yaml")
    assert own.monitor.metric.startswith("val/")
    assert own.monitor.mode in ("min", "max")


@pytest.mark.parametrize("model", members("model"))
def test_every_model_says_what_the_data_supplies(composed: Compose, model: str) -> None:
    config = composed(f"model={model}")
    missing = {key.rsplit(".", 1)[-1] for key in OmegaConf.missing_keys(config.model)}
    assert missing
    data: Any = build_data(tiny(composed, f"model={model}").data)
    data.setup()
    assert not missing - set(data.sizes)


@pytest.mark.parametrize("data", LOG_DATA)
def test_every_data_set_is_set_up_with_its_own_settings(composed: Compose, data: str) -> None:
    config = composed(f"data={data}", "data.sample.num_blocks=60", "data.batch_size=7", "seed=5")
    module: Any = build_data(config.data)
    module.setup()
    assert module.seed == 5
    assert module.batch_size == 7
    assert [len(module.sessions(split)) for split in ("train", "val")] == [40, 6]
    assert type(next(iter(module.train_dataloader()))) is module.batch_type


@pytest.mark.parametrize("optimizer", members("optimizer"))
@pytest.mark.parametrize("scheduler", members("scheduler"))
def test_every_optimizer_goes_with_every_scheduler(composed: Compose, optimizer: str, scheduler: str) -> None:
    config = composed(f"optimizer={optimizer}", f"scheduler={scheduler}", "optimizer.lr=0.25")
    chosen = instantiate(config.optimizer)([torch.nn.Parameter(torch.zeros(2))])
    takes_steps = scheduler in ("cosine", "warmup_cosine", "onecycle")
    schedule = instantiate(config.scheduler)(chosen, **({"total_steps": 4} if takes_steps else {}))
    for _ in range(3):
        chosen.step()
        schedule.step(*((1.0,) if scheduler == "plateau" else ()))
        assert 0 < chosen.param_groups[0]["lr"] <= 0.25


RECIPES = [
    *(f"experiment={name}" for name in members("experiment")),
    *(f"model={name}" for name in members("model")),
]


@pytest.mark.parametrize("overrides", [(recipe,) for recipe in RECIPES])
def test_every_recipe_builds_all_its_parts(
    composed: Compose, overrides: tuple[str, ...], tmp_path: Path
) -> None:
    config = tiny(composed, *overrides)
    data: Any = build_data(config.data)
    data.setup()
    task = build_task(config, data.sizes)
    assert task.batch_type is data.batch_type
    assert task.monitor == config.monitor.metric
    evaluation = instantiate(config.evaluation, _convert_="all")
    assert callable(evaluation.fit)
    assert callable(evaluation.test)
    if isinstance(evaluation, DetectionEvaluation):
        assert evaluation.score == config.detection.score in evaluation.scores
    around = build_callbacks(config, tmp_path, contents_of(config, data))
    trainer = build_trainer(config.trainer, around.all, [], tmp_path)
    assert trainer.max_epochs == config.trainer.max_epochs
    losses = task.losses(next(iter(data.train_dataloader())))
    assert losses.num_units > 0
    assert torch.isfinite(losses.nll)


def test_a_recipe_wins_over_its_model_and_the_command_line_over_both(composed: Compose) -> None:
    assert composed("model=gru").data.window_size == 16
    recipe = composed("experiment=hdfs_gru_notebook")
    assert (recipe.data.window_size, recipe.data.batch_size, recipe.optimizer.lr) == (8, 512, 0.05)
    mine = composed("experiment=hdfs_gru_notebook", "data.window_size=3")
    assert (mine.data.window_size, mine.data.batch_size) == (3, 512)


def test_a_model_brings_its_data_and_the_command_line_wins(composed: Compose) -> None:
    def choice(*overrides: str) -> str:
        return composed(*overrides, hydra=True).hydra.runtime.choices.data

    assert choice() == "hdfs_window"
    assert choice("model=gru") == "hdfs_window"
    assert choice("model=gru_ae") == "hdfs_padded"
    assert choice("model=gru_ae", "data=hdfs_window") == "hdfs_window"
    assert choice("data=hdfs_window", "model=gru_ae") == "hdfs_window"
    assert choice("experiment=hdfs_gru_ae_notebook") == "hdfs_padded"


def test_the_published_autoencoder_joins_its_directions_by_a_layer(composed: Compose) -> None:
    network = composed("experiment=hdfs_gru_ae_notebook").model.network
    assert (network.attention, network.directions, network.hidden_size) == ("dot", "linear", 256)
    assert composed("model=gru_ae").model.network.directions == "sum"


def test_one_seed_reaches_the_data(composed: Compose) -> None:
    config = composed("seed=11")
    assert config.data.seed == config.seed == 11
    assert config.data.sample.seed == 0


def test_the_plateau_schedule_follows_the_models_direction(composed: Compose) -> None:
    assert composed("scheduler=plateau").scheduler.mode == "min"
    assert composed("scheduler=plateau", "monitor.mode=max").scheduler.mode == "max"


def test_callbacks_read_the_monitor_and_take_the_users_own(composed: Compose, tmp_path: Path) -> None:
    config = composed(
        "data.sample.num_blocks=60",
        "monitor.metric=val/accuracy",
        "monitor.mode=max",
        "callbacks.early_stopping.patience=4",
        "+callbacks.extra.rates._target_=pytorch_lightning.callbacks.LearningRateMonitor",
        "+callbacks.extra.rates.logging_interval=step",
    )
    data: Any = build_data(config.data)
    data.setup()
    found = build_callbacks(config, tmp_path, contents_of(config, data)).all
    stopping = next(callback for callback in found if isinstance(callback, EarlyStopping))
    assert (stopping.monitor, stopping.mode, stopping.patience) == ("val/accuracy", "max", 4)
    best = next(callback for callback in found if isinstance(callback, ModelCheckpoint) and callback.monitor)
    assert (best.monitor, best.mode) == ("val/accuracy", "max")
    rates = next(callback for callback in found if isinstance(callback, LearningRateMonitor))
    assert rates.logging_interval == "step"

    config.callbacks.early_stopping.patience = None
    assert not any(
        isinstance(callback, EarlyStopping)
        for callback in build_callbacks(config, tmp_path, contents_of(config, data)).all
    )
    config.callbacks.extra.rates = {"_target_": config.callbacks.extra.rates._target_, "interval": "step"}
    with pytest.raises(UserError, match=r"^callbacks\.extra\.rates\.interval: LearningRateMonitor takes no"):
        build_callbacks(config, tmp_path, contents_of(config, data))


@pytest.mark.parametrize("logger", members("logger"))
def test_every_logger_is_built_in_the_run_folder(
    composed: Compose, logger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)
    config = composed(f"logger={logger}")
    found = build_loggers(config.logger, RunFolder(tmp_path, "gru", "hdfs_window"))
    assert len(found) == (0 if logger == "none" else len(config.logger))
    for each in found:
        assert isinstance(each, Logger)
        assert Path(each.save_dir) == tmp_path
    assert (tmp_path / "runs").is_dir() == (logger == "mlflow")  # its store lies there


def test_the_csv_logger_writes_beside_the_other_files(composed: Compose, tmp_path: Path) -> None:
    (logger,) = build_loggers(composed().logger, RunFolder(tmp_path, "gru", "hdfs_window"))
    logger.log_metrics({"val/loss": 0.5}, step=1)
    logger.save()
    assert (tmp_path / "metrics.csv").read_text(encoding="utf-8").split() == ["step,val/loss", "1,0.5"]


def test_a_typo_in_a_logger_is_told(composed: Compose, tmp_path: Path) -> None:
    config = composed("+logger.csv.flush_every_n_step=1")
    with pytest.raises(
        UserError, match=r"^logger\.csv\.flush_every_n_step: MetricsCsv .* did you mean flush_"
    ):
        build_loggers(config.logger, RunFolder(tmp_path, "gru", "hdfs_window"))


@pytest.mark.parametrize("model", ["gru", "gru_ae"])
def test_the_networks_are_built_from_sizes_alone(composed: Compose, model: str) -> None:
    task = instantiate(fill_sizes(composed(f"model={model}").model, SIZES))
    vocabularies = [part.num_embeddings for part in task.modules() if isinstance(part, torch.nn.Embedding)]
    assert set(vocabularies) == {30}


CHOOSE = r"name a class that derives from seqlab\.evaluation\.base\.Evaluation, .*, or your own$"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("~evaluation", rf"^evaluation is missing: .*; add `evaluation:` with a `_target_` .* {CHOOSE}"),
        ("~evaluation._target_", rf"^evaluation=\{{\}}: .*; add `evaluation:` with a `_target_` .* {CHOOSE}"),
        ("evaluation=7", rf"^evaluation=7: .*; add `evaluation:` with a `_target_` .* {CHOOSE}"),
        (
            "evaluation._target_=nolab.Judge",
            r"^evaluation\._target_=nolab\.Judge: cannot be imported: .* PYTHONPATH",
        ),
        ("evaluation._target_=torch.nn.Linear", rf"^evaluation\._target_=torch\.nn\.Linear: .*; {CHOOSE}"),
        ("evaluation._target_=seqlab.evaluation.tagging", rf"=seqlab\.evaluation\.tagging: .*; {CHOOSE}"),
        (
            "+evaluation.factor=2",
            r"^evaluation\.factor: TaggingEvaluation takes no such argument\. It takes none$",
        ),
    ],
)
def test_what_cannot_judge_is_refused(composed: Compose, override: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        build_evaluation(composed("model=tagger", override))


@pytest.mark.parametrize("override", ["~evaluation", "+evaluation.factor=2"])
def test_it_is_refused_before_training_and_before_the_first_of_several_jobs(
    call: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], override: str
) -> None:
    with pytest.raises(UserError) as caught:
        check_jobs(CONF, ["model=tagger", "seed=0,1", override])
    said, _, job = str(caught.value).partition(" (job 0 of -m: ")
    assert said.startswith("evaluation")
    assert job.endswith("no job was started)")
    assert call(tmp_path / "run", "model=tagger", override).code == 2
    assert capsys.readouterr().err == f"error: {said}\n"
    assert not (tmp_path / "run").exists()


def test_without_a_test_the_data_is_checked_all_the_same(composed: Compose) -> None:
    evaluation = build_evaluation(composed("model=tagger", "test=false"))
    with pytest.raises(UserError, match="has no `tag_scheme`"):
        evaluation.check(object())
    assert evaluation.test(None, None, None).metrics == {}
