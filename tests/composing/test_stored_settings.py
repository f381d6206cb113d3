"""Run folders made to harm whoever goes on with them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from seqlab.composing.resuming import resumed_arguments
from seqlab.errors import UserError

CONF = Path(__file__).resolve().parents[2] / "conf"
EVIL = "# @package _global_\n"
RunFolder = Callable[..., Path]


@pytest.fixture
def run_folder(tmp_path: Path) -> RunFolder:
    """A run folder with these overrides; its configs lie in tmp_path/conf, or in a package."""

    def make(*overrides: str, package: str | None = None) -> Path:
        record = tmp_path / "run" / ".hydra"
        record.mkdir(parents=True)
        (tmp_path / "conf").mkdir(exist_ok=True)
        (record / "overrides.yaml").write_text(yaml.safe_dump(list(overrides)), encoding="utf-8")
        source = {"path": "conf", "schema": "file", "provider": "command-line"}
        if package is not None:
            source |= {"path": package, "schema": "pkg"}
        runtime = {"cwd": str(tmp_path), "config_sources": [source]}
        (record / "hydra.yaml").write_text(yaml.safe_dump({"hydra": {"runtime": runtime}}), encoding="utf-8")
        return record.parent

    return make


def resumed(run: Path, *typed: str, trust: tuple[str, ...] = ()) -> list[str]:
    return resumed_arguments([f"resume={run}", *typed], CONF, trust)


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("callbacks", "callbacks: {x: {_target_: shutil.rmtree, path: /}}"),
        ("launcher", "launcher: {_target_: runpy.run_path}"),
        ("sweeper", "sweeper: {_target_: runpy.run_path}"),
        ("job_logging", "job_logging: {handlers: {x: {'()': os.system, command: touch ran}}}"),
        ("hydra_logging", "hydra_logging: {handlers: {x: {'()': os.system, command: touch ran}}}"),
        ("job", "job: {env_set: {LD_PRELOAD: x.so}}"),
        ("output_subdir", "output_subdir: ../../elsewhere"),
    ],
)
def test_configs_of_a_run_folder_leave_hydra_alone(
    tmp_path: Path, run_folder: RunFolder, name: str, setting: str
) -> None:
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    recipe = tmp_path / "conf" / "experiment" / "evil.yaml"
    recipe.write_text(f"{EVIL}hydra:\n  {setting}\n", encoding="utf-8")
    run = run_folder("experiment=evil")
    with pytest.raises(
        UserError, match=rf"^resume={run}: its settings change hydra\.{name}, which they may not"
    ):
        resumed(run)


def test_what_is_typed_may_set_hydra_and_read_the_environment(
    tmp_path: Path, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED", "x")
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    recipe = tmp_path / "conf" / "experiment" / "mine.yaml"
    recipe.write_text(f"{EVIL}hydra:\n  job: {{env_set: {{A: b}}}}\n", encoding="utf-8")
    given = ["+x.y='${oc.env:PLANTED}'", "+trainer.default_root_dir=/tmp"]
    typed = ["--config-dir", str(tmp_path / "conf"), "experiment=mine", *given]
    assert resumed(run_folder("experiment=mine", *given), *typed)[: len(typed)] == typed


def test_a_group_of_a_run_folder_cannot_be_put_under_hydra(tmp_path: Path, run_folder: RunFolder) -> None:
    (tmp_path / "conf" / "extra").mkdir(parents=True)
    (tmp_path / "conf" / "extra" / "evil.yaml").write_text("x: {_target_: shutil.rmtree}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"change hydra\.callbacks"):
        resumed(run_folder("+extra@hydra.callbacks=evil"))


@pytest.mark.parametrize(
    "text",
    [
        "${oc.env:PLANTED}",
        "key ${oc.env:PLANTED}",
        "${oc.${x}:PLANTED}",
        "${oc.decode:${oc.env:PLANTED}}",
    ],
)
def test_the_environment_is_not_read_for_a_run_folder(
    run_folder: RunFolder, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED", "secret")
    run = run_folder(f"+x.y='{text}'")
    with pytest.raises(
        UserError, match=rf"^resume={run}: its x\.y=.* would read what is no setting"
    ) as caught:
        resumed(run)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "override",
    [
        "+callbacks.extra.x={_target_:pytorch_lightning.callbacks.ModelCheckpoint,dirpath:/etc}",
        "+callbacks.extra.x={_target_:pytorch_lightning.callbacks.ModelCheckpoint,dirpath:a/../../b}",
        '+callbacks.extra.x={_target_:pytorch_lightning.callbacks.ModelCheckpoint,filename:"~/x"}',
        "+logger.tensorboard={_target_:pytorch_lightning.loggers.TensorBoardLogger,name:/etc}",
        "+logger.mlflow={_target_:seqlab.training.tracking.mlflow.MlflowTracker,tracking_uri:'http://evil'}",
        "+logger.wandb={_target_:seqlab.training.tracking.wandb.WandbTracker,init:{dir:/etc}}",
        "+trainer.default_root_dir=/etc",
        "+trainer.default_root_dir=..",
    ],
)
def test_a_run_folder_does_not_send_files_elsewhere(run_folder: RunFolder, override: str) -> None:
    run = run_folder(override)
    with pytest.raises(UserError, match=rf"^resume={run}: its .* leads out of the run folder"):
        resumed(run)


@pytest.mark.parametrize("more", ["", ",_partial_:true", ",_args_:['touch ran']"])
def test_only_classes_are_built_for_a_run_folder(run_folder: RunFolder, more: str) -> None:
    with pytest.raises(UserError, match="which is no network"):
        resumed(run_folder(f"+callbacks.extra.x={{_target_:torch.hub.load{more}}}"))


def test_a_package_of_configs_is_imported_where_it_is_trusted(
    tmp_path: Path, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "labconfigs").mkdir()
    (tmp_path / "labconfigs" / "__init__.py").write_text(
        "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    run = run_folder("seed=3", package="labconfigs.conf")
    with pytest.raises(
        UserError, match=r"the package labconfigs, which was not imported.* add --trust labconfigs"
    ):
        resumed(run)
    assert not (tmp_path / "labconfigs" / "ran").exists()
    assert "seed=3" in resumed(run, trust=("labconfigs",))


def test_an_honest_run_goes_on(run_folder: RunFolder) -> None:
    honest = [
        "model=gru_ae",
        "logger=[csv,wandb,tensorboard]",
        "data.sessions=/data/x",
        "+note='${seed} now'",
    ]
    assert resumed(run_folder(*honest))[:4] == honest
