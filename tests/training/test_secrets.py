"""Secrets are planted wherever a user may give one; then every file that a run leaves is looked through."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import wandb

PLANTED = b"planted"  # a part of every secret below
TINY = (
    *("data.sample.num_blocks=60", "trainer.max_epochs=1", "trainer.enable_progress_bar=false"),
    *("model.network.hidden_size=4", "detection.scores=[nll_max]"),
)


def files_with(part: bytes, folder: Path) -> set[str]:
    """Names of the files that hold the bytes; checkpoints are opened."""

    def contents(path: Path) -> Iterator[bytes]:
        yield path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as opened:
                yield from map(opened.read, opened.namelist())

    paths = [path for path in folder.rglob("*") if path.is_file()]
    assert len(paths) > 10
    return {path.name for path in paths if any(part in content for content in contents(path))}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, call: Callable[..., Any]) -> Iterator[Any]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("WANDB_API_KEY", "local-planted" + "0" * 40)
        patch.setenv("SERVICE_TOKEN", "variable-planted")
        wandb.teardown()  # it reads the environment once in a process
        yield call(
            home / "run",
            *TINY,
            "logger=[csv,wandb]",
            "+token=word-planted",
            "+service.url=https://bob:planted@host/x",
            "+service.headers={Authorization: 'Bearer planted', retries: 2}",
            "+service.sent=${oc.env:SERVICE_TOKEN}",
            f"+notice='see {home}/data'",
            "+hydra.job.env_set.DB_PASSWORD=hydra-planted",
        )
        wandb.teardown()


def test_no_file_of_a_run_holds_a_secret(run: Any) -> None:
    assert run.code == 0
    assert not files_with(PLANTED, run.folder)
    overrides = (run.folder / ".hydra/overrides.yaml").read_text(encoding="utf-8")
    assert "+token=***" in overrides
    assert "https://***@host/x" in overrides
    assert "${oc.env:SERVICE_TOKEN}" in overrides
    assert "see ~/data" in (run.folder / "config.json").read_text(encoding="utf-8")


def test_paths_of_the_home_folder_stand_only_where_they_are_followed(run: Any) -> None:
    own = {"overrides.yaml", "config.yaml", "hydra.yaml"}  # a run goes on with them
    lightning = {"best.ckpt", "last.ckpt"}  # where the best checkpoint lies
    found = files_with(str(run.folder.parent).encode(), run.folder) - own - lightning
    assert all(name == "debug.log" or name.endswith(".wandb") for name in found)  # what `wandb sync` sends
    held = b"".join(path.read_bytes() for path in run.folder.glob("wandb/*/*.wandb"))
    assert b"see ~/data" in held  # the config
    assert b"--output" not in held
    assert b"hydra.run.dir" not in held


def test_a_run_that_goes_on_asks_for_its_secrets(
    run: Any, call: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    longer = (f"resume={run.folder}", "trainer.max_epochs=2", "logger=csv")
    assert call(run.folder, *longer).code == 2
    assert (
        "a run folder keeps no secrets; give token and service.url and service.headers again"
        in capsys.readouterr().err
    )


def test_a_failure_hides_secrets_too(
    tmp_path: Path, call: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    several = ("-m", "seed=0,1", "data.window_size=0", "+token=planted", f"hydra.sweep.dir={tmp_path}", *TINY)
    assert call(tmp_path, *several).code != 0
    said = capsys.readouterr()
    assert "window_size" in said.err
    assert "planted" not in said.err + said.out
