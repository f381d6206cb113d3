"""What is said of files and folders that are no checkpoint."""

import gzip
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seqlab.cli import EXIT_USER_ERROR, main
from seqlab.errors import CheckpointError, UserError
from seqlab.training.checkpoint_mistakes import no_checkpoint
from seqlab.training.checkpoints import KEY, read_checkpoint

NO_MEMORY = (  # words of torch, of its binding to Python, and of the system
    "can't allocate memory",
    "Could not allocate bytes object",
    "Cannot allocate memory",
)
GIVE = "give a run's best.ckpt: runs/.../checkpoints/best.ckpt"


class Removed:
    """Removes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.remove, (str(self.path),)


def saved(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({KEY: {"format": 1}, "state_dict": {}}, path)
    return path


def said_of(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_checkpoint(path)
    said = str(caught.value)
    assert "weights_only" not in said
    assert "Errno" not in said
    assert "\n" not in said
    return said.removeprefix(f"{path}: ")


def write_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.log", "a")


def write_cut(path: Path) -> None:
    saved(path)
    path.write_bytes(path.read_bytes()[:-200])


def write_script(path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), str(path))


def write_program(path: Path) -> None:
    torch.export.save(torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),)), str(path))


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a.log": (
        lambda path: path.write_text(
            "081109 203901 30 INFO dfs.FSNamesystem: BLOCK* ask 10.250.6.232:50010\n" * 9
        ),
        "it is a text that begins '081109 203901 30 INFO dfs.FSNamesystem: '",
    ),
    "b.log": (lambda path: path.write_text("가" * 5000, encoding="utf-8"), "it is a text that begins '가가"),
    "empty.ckpt": (lambda path: path.write_bytes(b""), "it is empty"),
    "a.log.gz": (lambda path: path.write_bytes(gzip.compress(b"a")), "it is damaged, or of another program"),
    "logs.zip": (write_zip, "it is a zip file with other content"),
    "cut.ckpt": (write_cut, "it is damaged or cut off"),
    "model.pt": (write_script, "it is a network of torch's own"),
    "model.pt2": (write_program, "it is a zip file with other content"),
    "noise.ckpt": (
        lambda path: path.write_bytes(bytes(range(256)) * 9),
        "it is damaged, or of another program",
    ),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TorchScript
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_told_by_what_it_holds(tmp_path: Path, name: str) -> None:
    write, reason = FILES[name]
    write(tmp_path / name)
    said = said_of(tmp_path / name)
    assert said.startswith(f"cannot be read as a checkpoint: {reason}")
    assert said.endswith(GIVE)


def test_what_would_execute_is_named_without_advice_to_let_it(tmp_path: Path) -> None:
    victim, path = tmp_path / "victim", tmp_path / "best.ckpt"
    victim.write_text("")
    torch.save({KEY: Removed(victim)}, path)
    said = said_of(path)
    assert "it holds posix.remove, which no checkpoint of seqlab does; nothing in it was executed" in said
    assert victim.exists()


READ_IN_LITTLE_MEMORY = """
import resource, sys
import torch
from seqlab.training.checkpoint_mistakes import no_checkpoint
lines = open("/proc/self/status").read().splitlines()
used = next(int(line.split()[1]) for line in lines if line.startswith("VmSize")) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + 40_000_000, -1))
for path in sys.argv[1:]:
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        print(no_checkpoint(path, error))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="nothing tells how much memory is used")
def test_too_little_memory_is_not_damage(tmp_path: Path) -> None:
    """Torch's own error for tensors; the smaller a text, the farther it comes before another is raised."""
    large_ones = [torch.zeros(20_000_000), *("a" * size for size in (50_000_000, 30_000_000, 18_000_000))]
    paths = [tmp_path / f"{number}.ckpt" for number in range(len(large_ones))]
    for path, large in zip(paths, large_ones, strict=True):
        torch.save({KEY: {"format": 1}, "state_dict": {"large": large}}, path)
    done = subprocess.run(
        [sys.executable, "-c", READ_IN_LITTLE_MEMORY, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [
        f"{path}: memory was not enough to read its {path.stat().st_size:,} bytes; "
        "end other programs, or read it where there is more memory"
        for path in paths
    ]


@pytest.mark.parametrize("error", [MemoryError(), *map(RuntimeError, NO_MEMORY)])
def test_each_error_of_too_little_memory_is_known(tmp_path: Path, error: Exception) -> None:
    path = saved(tmp_path / "best.ckpt")
    assert no_checkpoint(path, error).reason.startswith("memory was not enough to read its ")


def test_the_error_passes_between_processes(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(tmp_path / "no.ckpt")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.reason) == (str(caught.value), "no such checkpoint")


@pytest.mark.parametrize("given", ["", "checkpoints", "..", "../.."])
def test_of_a_folder_the_best_checkpoint_in_it_is_named(tmp_path: Path, given: str) -> None:
    best = saved(tmp_path / "runs" / "gru-hdfs" / "2026-01-31" / "checkpoints" / "best.ckpt")
    folder = best.parent.parent
    said = said_of((folder / given).resolve())
    assert said == f"cannot be read as a checkpoint: it is a folder; give {best}"


def test_of_a_folder_of_runs_the_newest_is_named(tmp_path: Path) -> None:
    old, new = (saved(tmp_path / name / "checkpoints" / "best.ckpt") for name in ("b", "a"))
    os.utime(old, (1, 1))
    assert said_of(tmp_path).endswith(f"it is a folder; give {new}, the newest of 2")


def test_of_other_folders_is_told_what_a_run_has(tmp_path: Path) -> None:
    assert said_of(tmp_path) == (
        f"cannot be read as a checkpoint: it is a folder without checkpoints/best.ckpt; {GIVE}"
    )
    (tmp_path / "settings.json").write_text("{}")
    (tmp_path / "model.pt").write_text("")
    assert "it is a folder of seqlab export; " in said_of(tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "LOG", "CKPT"),
        ("calibrate", "LOG", "CKPT"),
        ("explain", "blk_1", "CKPT", "--log", "LOG"),
        ("translate", "LOG", "CKPT"),
    ],
)
def test_swapped_arguments_are_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    log, checkpoint = tmp_path / "new.log", saved(tmp_path / "best.ckpt")
    log.write_text("081109 203901 30 INFO dfs.FSNamesystem: BLOCK* ask\n")
    places = {"LOG": str(log), "CKPT": str(checkpoint)}
    assert main([places.get(word, word) for word in arguments]) == EXIT_USER_ERROR
    error = capsys.readouterr().err
    assert error.startswith(f"error: {places.get(arguments[1], arguments[1])}: ")
    assert error.endswith(f". {checkpoint} is one: the checkpoint comes first\n")
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [("detect", "LOG"), ("explain", "LOG", "blk_1", "--log")])
def test_a_checkpoint_is_no_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    log, checkpoint = tmp_path / "new.log", saved(tmp_path / "best.ckpt")
    log.write_text("081109 203901 30 INFO dfs.FSNamesystem: BLOCK* ask\n")
    words = [str(log) if word == "LOG" else word for word in arguments]
    assert main([*words, str(checkpoint)]) == EXIT_USER_ERROR
    expected = f"error: {checkpoint} is a checkpoint, no log: the checkpoint comes first\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "RUN"),
        ("predict", "RUN", "LOG"),
        ("calibrate", "RUN", "LOG"),
        ("detect", "RUN", "LOG"),
        ("explain", "RUN", "blk_1", "--log", "LOG"),
    ],
)
def test_a_run_folder_is_answered_with_its_best_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    log, checkpoint = tmp_path / "new.log", saved(tmp_path / "run" / "checkpoints" / "best.ckpt")
    log.write_text("a line\n")
    places = {"LOG": str(log), "RUN": str(tmp_path / "run")}
    assert main([places.get(word, word) for word in arguments]) == EXIT_USER_ERROR
    assert capsys.readouterr().err == (
        f"error: {tmp_path / 'run'}: cannot be read as a checkpoint: it is a folder; give {checkpoint}\n"
    )
