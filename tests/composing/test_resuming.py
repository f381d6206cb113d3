import os
from pathlib import Path

import pytest

from seqlab.composing.resuming import resumed_arguments as resumed
from seqlab.errors import UserError

CONF = Path(__file__).resolve().parents[2] / "conf"


def resumed_arguments(
    arguments: list[str], runs: Path = Path("runs"), trust: tuple[str, ...] = ()
) -> list[str]:
    return resumed(arguments, CONF, trust, runs)


def run_folder(path: Path, *overrides: str, written: float = 1.0, finished: bool = False) -> Path:
    (path / ".hydra").mkdir(parents=True)
    stored = path / ".hydra" / "overrides.yaml"
    stored.write_text("".join(f"- {each}\n" for each in overrides) or "[]\n", encoding="utf-8")
    os.utime(stored, (written, written))
    if finished:
        (path / "metrics.json").write_text("{}", encoding="utf-8")
    return path


def test_resume_of_nothing_changes_nothing() -> None:
    assert resumed_arguments(["seed=1", "resume=null"]) == ["seed=1", "resume=null"]


def test_the_run_s_own_overrides_come_back_and_what_is_given_wins(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "a", "model=gru", "optimizer.lr=0.1", "+callbacks.extra.x=1", "resume=old")
    assert resumed_arguments([f"resume={run}", "optimizer.lr=0.2"]) == [
        "model=gru",
        "+callbacks.extra.x=1",
        "optimizer.lr=0.2",
        f"hydra.run.dir={run}",
        f"resume={run}",
    ]


def test_a_folder_with_a_blank_is_quoted_for_hydra(tmp_path: Path) -> None:
    run = run_folder(tmp_path / "my run")
    assert resumed_arguments([f"resume={run}"]) == [f'hydra.run.dir="{run}"', f'resume="{run}"']


def test_latest_is_the_youngest_unfinished_one(tmp_path: Path) -> None:
    run_folder(tmp_path / "x" / "old", written=1)
    young = run_folder(tmp_path / "x" / "young", written=2)
    run_folder(tmp_path / "y" / "done", written=3, finished=True)
    assert resumed_arguments(["resume=latest"], tmp_path)[-1] == f"resume={young}"


def test_latest_with_more_epochs_is_the_youngest_of_all(tmp_path: Path) -> None:
    run_folder(tmp_path / "x" / "stopped", written=1)
    done = run_folder(tmp_path / "y" / "done", "trainer.max_epochs=1", written=2, finished=True)
    for more in ("trainer.max_epochs=3", "trainer.max_steps=90"):
        assert resumed_arguments(["resume=latest", more], tmp_path)[-1] == f"resume={done}"


@pytest.mark.parametrize(("finished", "said"), [(True, "every run below"), (False, "no run below")])
def test_latest_with_nothing_to_go_on_with(tmp_path: Path, finished: bool, said: str) -> None:
    if finished:
        run_folder(tmp_path / "done", finished=True)
    with pytest.raises(UserError, match=f"^resume=latest: {said}"):
        resumed_arguments(["resume=latest"], tmp_path)


def test_auto_begins_and_then_goes_on(tmp_path: Path) -> None:
    line = ["model=gru", f"hydra.run.dir={tmp_path / 'job'}", "resume=auto"]
    assert resumed_arguments(line) == line[:2]
    run = run_folder(tmp_path / "job", "model=gru")
    assert resumed_arguments(line) == ["model=gru", f"hydra.run.dir={run}", f"resume={run}"]
    with pytest.raises(UserError, match=r"^resume=auto: which folder\?"):
        resumed_arguments(["resume=auto"])


def test_what_is_no_run_and_a_grid_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run lies there"):
        resumed_arguments([f"resume={tmp_path}"])
    with pytest.raises(UserError, match="one run at a time"):
        resumed_arguments(["-m", "resume=latest"], tmp_path)


MARKED = (
    "import os\nfrom pathlib import Path\n\nPath(__file__).with_name('ran').touch()\n\nclass Net:\n    pass\n"
)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model.network._target_=labresume.Net", r"it names labresume\.Net, .* add --trust labresume to"),
        ("+callbacks.extra.x._target_=labresume.Net", r"labresume\.Net, code outside seqlab"),
        ("+callbacks.extra.x._target_=os.system", r"it names os\.system, which is no"),
        ("+callbacks.extra.x._target_=torch.load", r"it names torch\.load, which is no"),
        (
            "+callbacks.extra.x._target_=seqlab.sweeps.trials.start_program",
            r"seqlab\.sweeps\.trials\.start_program, which is no",
        ),
        ("+callbacks.extra.x._target_=seqlab.tasks.base.inspect.os.system", r"os\.system, which is no"),
        ("nonsense=1", "settings cannot be composed: Could not override 'nonsense'"),
    ],
)
def test_code_that_a_run_folder_names_is_run_where_it_is_trusted_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, override: str, said: str
) -> None:
    (tmp_path / "labresume.py").write_text(MARKED, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    run = run_folder(tmp_path / "a", "model=gru", override)
    with pytest.raises(UserError, match=f"^resume={run}: .*{said}"):
        resumed_arguments([f"resume={run}"])
    assert not (tmp_path / "ran").exists()


def test_a_trusted_package_is_run_and_hydra_s_own_settings_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "labresume.py").write_text(MARKED, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    network = "model.network._target_=labresume.Net"
    run = run_folder(tmp_path / "a", network)
    assert network in resumed_arguments([f"resume={run}"], trust=("labresume",))
    plain = run_folder(tmp_path / "b", "hydra.job_logging.x=1", "seed=1")
    assert resumed_arguments([f"resume={plain}"])[0] == "seed=1"


def test_what_is_typed_beside_it_is_composed_with_it(tmp_path: Path) -> None:
    configs = tmp_path / "mine" / "model"
    configs.mkdir(parents=True)
    (configs / "other.yaml").write_bytes((CONF / "model" / "gru.yaml").read_bytes())
    run = run_folder(tmp_path / "a", "model=other", "logger=wandb", "logger.wandb.mode=offline")
    typed = ["--config-dir", str(tmp_path / "mine"), "logger=[csv,wandb]"]
    given = resumed_arguments([f"resume={run}", *typed])
    assert given[:5] == ["model=other", "logger.wandb.mode=offline", *typed]
    with pytest.raises(UserError, match=r"settings cannot be composed: .*other"):
        resumed_arguments([f"resume={run}"])
