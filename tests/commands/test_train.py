import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig

from seqlab.composing import help
from seqlab.composing.help import help_text
from seqlab.composing.mistakes import user_message
from seqlab.errors import UserError

HELP = Path(help.__file__).with_name("help.txt").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^  (python train\.py.*)\n      \S", HELP, re.MULTILINE)
Command = Callable[..., subprocess.CompletedProcess]
Compose = Callable[..., DictConfig]


@pytest.fixture
def command(root: Path, python: Any, tmp_path: Path) -> Command:
    """Runs ``python train.py ...`` in the repository; the run folder is ``tmp_path/run``."""

    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
        environment = {name: value for name, value in os.environ.items() if name != "HYDRA_FULL_ERROR"}
        line = ("train.py", *arguments, f"hydra.run.dir={tmp_path / 'run'}")
        return python.run(*line, cwd=root, env=environment | variables)

    return run


def test_help_lists_groups_and_examples_without_loading_torch(root: Path) -> None:
    cold = [sys.executable, "-X", "importtime", "train.py", "--help"]
    done = subprocess.run(cold, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    for group in (path for path in (root / "conf").iterdir() if path.is_dir() and path.name != "hydra"):
        assert f"\n{group.name}=\n" in done.stdout
        for member in group.glob("*.yaml"):
            assert re.search(rf"^  {member.stem} +\S", done.stdout, re.MULTILINE), member
    assert len(EXAMPLES) >= 5
    for example in EXAMPLES:
        assert f"  {example}\n      " in done.stdout
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines() if "import time:" in line}
    assert "seqlab.commands.train" in loaded
    assert not {name.split(".")[0] for name in loaded} & {"torch", "pytorch_lightning", "pandas", "hydra"}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_help_composes(composed: Compose, example: str) -> None:
    program, *overrides = example.removeprefix("python ").split()
    assert program == "train.py"
    several = "-m" in overrides
    config = composed(*(part.split(",")[0] for part in overrides if part != "-m"))
    assert config.seed == 0
    assert several == any("," in part for part in overrides)


def test_all_keys_are_shown_on_demand(command: Command) -> None:
    done = command("--cfg", "job")
    assert done.returncode == 0
    assert "window_size: 16" in done.stdout


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "data.window_sise=4",
            "data.window_sise: no such key; did you mean data.window_size?",
        ),
        (
            "trainer.max_epoch=4",
            "trainer.max_epoch: no such key; did you mean trainer.max_epochs?",
        ),
        (
            "hidden_size=4",
            "hidden_size: no such key; did you mean model.network.hidden_size?",
        ),
        ("epochs=3", "epochs: no such key; did you mean trainer.max_epochs?"),
        ("trainer.epochs=3", "trainer.epochs: no such key; did you mean trainer.max_epochs?"),
        ("trainer.max_epochs=1.5", "trainer.max_epochs=1.5: give a whole number or null"),
        ("optimizer.lr=abc", "optimizer.lr=abc: give a number"),
        ("optimizer.lr=-1", "optimizer: lr=-1, "),
        ("seed=0-3", "seed=0-3: give a whole number from 0; several seeds are several runs: -m seed=0,1"),
        ("model=gru,gru_ae", "model=gru,gru_ae: several values are several runs, which take -m; "),
        ("--model", "--model: no such option; settings are written without dashes: model=VALUE"),
        ("model", "model: no override: write NAME=VALUE, such as model=gru; "),
        ("modle=gru", "modle: no such key; did you mean model?"),
        ("xyzzy=1", "xyzzy: no such key"),
        ("model=gruu", "model=gruu: choose char_rnn, classifier, entity_tagger, gru, gru_ae, lstm, "),
        ("~detection", "~detection: a run needs its detection; choose detection=default; single keys of it"),
        ("detection=null", "detection=null: a run needs its detection; choose detection=default; single"),
        ("+detection.x=1", "detection.x: DetectionEvaluation takes no such argument. It takes score, "),
        ("scheduler=cosin", "scheduler=cosin: choose constant, cosine, onecycle, plateau, warmup_cosine"),
    ],
)
def test_a_typo_is_answered_by_one_line(
    command: Command, override: str, message: str, tmp_path: Path
) -> None:
    done = command(override)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert not (tmp_path / "run").exists()


def test_a_key_of_a_chosen_model_is_suggested_for_that_model(command: Command) -> None:
    done = command("model=gru_ae", "model.network.bottleneck=4")
    assert "did you mean model.network.bottleneck_size?" in done.stderr
    assert done.returncode == 2


def test_a_wrong_pair_is_told_and_nothing_is_trained(command: Command, tmp_path: Path) -> None:
    done = command("model=gru_ae", "data=hdfs_window")
    assert done.returncode == 2
    assert done.stderr == (
        "error: model=gru_ae takes SessionBatch, data=hdfs_window gives WindowBatch; "
        "use data=sessions_padded\n"
    )
    assert done.stdout == ""
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert not (tmp_path / "run" / "environment.json").exists()


@pytest.mark.skipif(torch.cuda.device_count() > 0, reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_told(command: Command, tmp_path: Path) -> None:
    done = command("model=gru_ae", "trainer.gpus=1")
    assert done.returncode == 2
    assert done.stderr == (
        "error: trainer.gpus=1: this machine shows no GPU; type trainer.gpus=0 for the CPU\n"
    )
    assert not (tmp_path / "run").exists()  # nothing was begun, so nothing is left


def test_a_run_folder_below_a_file_is_told(python: Any, root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = python.run("train.py", f"hydra.run.dir={tmp_path / 'file' / 'run'}", cwd=root)
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"error: {tmp_path / 'file' / 'run'}: Not a directory; choose another folder"
    )
    assert done.stderr.count("\n") == 1


def test_a_missing_data_file_is_named(command: Command, root: Path) -> None:
    done = command("data.normal=nowhere.txt")
    assert done.returncode == 2
    assert done.stderr == f"error: nowhere.txt: no such file; the path is relative to {root}\n"


def test_a_size_out_of_range_is_told(command: Command, tmp_path: Path) -> None:
    done = command("model.network.hidden_size=0", "data.sample.num_blocks=100")
    assert done.returncode == 2
    assert done.stderr == "error: model.network.hidden_size=0: give a whole number, at least 1\n"
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_the_whole_traceback_on_demand(command: Command) -> None:
    done = command("model=gruu", HYDRA_FULL_ERROR="1")
    assert done.returncode != 0
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert "gruu" in done.stderr


def test_a_mistake_is_found_behind_what_wraps_it_and_a_bug_is_none(root: Path) -> None:
    wrapped = RuntimeError("while building")
    wrapped.__cause__ = UserError("give less")
    assert user_message(wrapped, root / "conf", []) == "give less"
    assert user_message(ValueError("a bug"), root / "conf", []) is None
    assert user_message(KeyError("a bug"), root / "conf", []) is None


def test_help_is_read_off_the_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.yaml").write_text(
        "# @package _global_\n# my own log\nkey: 1\n", encoding="utf-8"
    )
    (tmp_path / "empty").mkdir()
    text = help_text(tmp_path)
    assert "\ndata=\n  mine  my own log\n" in text
    assert "empty=" not in text


OWN = """
import json, sys
from pathlib import Path
from seqlab.commands.train import train_command
from seqlab.training.run_record import environment

def train(config):
    Path("told.json").write_text(json.dumps(environment(config)))

sys.exit(train_command(train, sys.argv[1:]))
"""


def test_the_command_is_told_as_it_was_typed(python: Any, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()  # of a project of one's own: Hydra is given a search path
    (tmp_path / "train.py").write_text(OWN, encoding="utf-8")
    done = python.run("train.py", "data.normal=a (1).txt", "hydra.run.dir=run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "told.json").read_text())
    assert told["command"] == "python train.py 'data.normal=a (1).txt' hydra.run.dir=run"
    assert told["overrides"] == ['data.normal="a (1).txt"']


def test_too_little_memory_is_told_in_one_message_that_says_what_to_set(command: Command) -> None:
    done = command("data.sample.num_blocks=60", "model.network.hidden_size=20000000")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: not enough memory to allocate ")
    assert "lower data.batch_tokens (now 524288), data.batch_size (now 64), " in done.stderr
    assert "Traceback" not in done.stderr
