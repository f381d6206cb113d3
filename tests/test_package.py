"""The package without its checkout: a wheel is built, installed and used in an empty folder, offline."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seqlab.cli import main
from seqlab.errors import UserError
from seqlab.project import package_folder, project_folder, train_words

from .processes import Server

SEQLAB = ("-m", "seqlab.cli")
Run = Callable[..., str]


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, as a build leaves folders beside the sources."""
    copy, built = tmp_path_factory.mktemp("copy") / "seqlab", tmp_path_factory.mktemp("built")
    copy.mkdir()
    for name in ("src", "conf", "examples"):
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("train.py", "pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copyfile(root / name, copy / name)
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(built), str(copy))
    (found,) = built.glob("seqlab-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the installed wheel, for PYTHONPATH: all else comes from this environment."""
    target = tmp_path_factory.mktemp("site")
    _pip("install", "--no-deps", "--target", str(target), str(wheel))
    return target


@pytest.fixture(scope="module")
def run(installed: Path) -> Iterator[Run]:
    """Runs ``python ARGUMENTS`` in a folder with the installed wheel; what it says."""
    server = Server(installed)

    def call(folder: Path, *arguments: str) -> str:
        done = server.run(*arguments, cwd=folder, env=os.environ | {"PYTHONPATH": str(installed)})
        assert done.returncode == 0, done.stderr
        return done.stdout

    yield call
    server.close()


def _pip(command: str, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", command, "--quiet", "--no-index", *arguments], check=True)


def test_the_wheel_holds_every_config_and_the_license(wheel: Path, root: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    held = {name.removeprefix("seqlab/project_files/") for name in names if "/project_files/" in name}
    configs = {str(path.relative_to(root)) for path in (root / "conf").rglob("*.yaml")}
    example = {f"examples/{name}" for name in ("sweep.yaml", "conf/model/tcn.yaml", "mylab/tcn.py")}
    assert configs | example | {"train.py"} <= held
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_an_empty_folder_finds_the_configs_of_the_wheel(run: Run, installed: Path, tmp_path: Path) -> None:
    (tmp_path / "where.py").write_text("import seqlab.project as p; print(p.project_folder())")
    assert run(tmp_path, "where.py").strip() == str(installed / "seqlab/project_files")
    assert "hidden_size: 4" in run(tmp_path, *SEQLAB, "train", "model.network.hidden_size=4", "--cfg", "job")


def test_a_project_of_ones_own_trains_and_predicts(run: Run, tmp_path: Path) -> None:
    said = run(tmp_path, *SEQLAB, "init", "mine")
    assert said.endswith("go on with: cd mine && python train.py model=tcn\n")
    mine = tmp_path / "mine"
    assert "  tcn " in run(mine, "train.py", "--help")
    small = ("data.sample.num_blocks=60", "trainer.max_epochs=1", "model.network.channels=4")
    said = run(mine, *SEQLAB, "train", "model=tcn", *small, "hydra.run.dir=run")
    assert "model=tcn data=hdfs_window seed=0" in said
    assert " run/report.html (open it in a browser)" in said
    (mine / "new.txt").write_text("blk_1,5 5 22 11\n")
    run(
        mine,
        *SEQLAB,
        *["predict", "run/checkpoints/best.ckpt", "new.txt", "--output", "out.csv", "--trust", "mylab"],
    )
    assert (mine / "out.csv").read_text().count("\n") == 2


def test_a_project_of_ones_own_is_swept_compared_and_tuned(run: Run, tmp_path: Path) -> None:
    run(tmp_path, *SEQLAB, "init", "mine")
    mine = tmp_path / "mine"
    small = ("data.sample.num_blocks=60", "trainer.max_epochs=1")
    words = ("sweep.yaml", "--trials", "2", "--output", "swept", "--set", *small)
    said = run(mine, *SEQLAB, "sweep", *words)
    assert "\n2 finished\n" in said
    assert f"report: python train.py {' '.join(small)} model=tcn optimizer.lr=" in said
    table = run(mine, *SEQLAB, "compare", "swept")
    assert {line.split()[-1] for line in table.splitlines() if "trial-" in line} == {
        "trial-0/seed-0",
        "trial-1/seed-0",
    }
    said = run(mine, *SEQLAB, "tune", "--lr", "--steps", "30", "model=tcn", *small)
    assert "go on with: python train.py model=tcn" in said


def test_init_leaves_files_that_are_there(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "sweep.yaml").touch()
    assert main(["init", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/sweep.yaml exists and is left as it is")
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]


def test_a_project_is_a_folder_with_seqlabs_train_and_configs(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    assert train_words() == ["python", "train.py"]
    monkeypatch.chdir(tmp_path)
    assert project_folder() == root
    assert train_words() == ["seqlab", "train"]
    (tmp_path / "conf").mkdir()
    (tmp_path / "train.py").write_text("import torch\n")
    assert project_folder() == root  # another program's
    (tmp_path / "train.py").write_text("import torch\nfrom seqlab.commands.train import train_command\n")
    assert project_folder() == tmp_path
    assert train_words() == ["python", "train.py"]


def test_a_package_without_configs_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlab.project.__file__", str(tmp_path / "src/seqlab/project.py"))
    with pytest.raises(UserError, match=r"its conf/train\.yaml is missing; install seqlab's wheel"):
        package_folder()
