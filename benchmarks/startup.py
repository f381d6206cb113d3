"""How long a command takes before it does anything, and which heavy packages it imports on the way.

    python benchmarks/startup.py --repeats 7
    python benchmarks/startup.py --launch     # train.py and a plain Lightning script, to the first step

Prints Markdown. Each command runs in a process of its own, in turn with a bare ``python -c pass``: the ratio
is that of medians. A package counts as imported if ``sys.modules`` holds it when the command ends.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.beside import ratios, spread  # noqa: E402

HEAVY = (
    *("torch", "pytorch_lightning", "hydra", "pandas", "matplotlib", "plotly"),
    *("wandb", "tensorboard", "mlflow", "ray", "optuna"),
)
NOTHING = ("-c", "pass")
COMMANDS = {
    "python -c 'import seqlab'": ("-c", "import seqlab"),
    "python train.py --help": ("train.py", "--help"),
    "seqlab --help": ("-c", "from seqlab.cli import main; main(['--help'])"),
    "seqlab predict --help": ("-c", "from seqlab.cli import main; main(['predict', '--help'])"),
}
SMALL = (
    "data.sample.num_blocks=60",
    "trainer.max_epochs=1",
    "trainer.enable_progress_bar=false",
    "model.network.hidden_size=4",
)
# Runs a script or a -c text as python would, then says what was imported.
_WATCHED = """
import json, runpy, sys
target, *sys.argv[1:] = sys.argv[1:]
try:
    if target == "-c":
        exec(sys.argv.pop(1), {"__name__": "__main__"})
    else:
        sys.argv[0] = target
        runpy.run_path(target, run_name="__main__")
except SystemExit as end:
    code = end.code or 0
else:
    code = 0
names = sorted({name.split(".")[0] for name in sys.modules})
files = [module.__file__ for name, module in sorted(sys.modules.items()) if name.split(".")[0] == "seqlab"]
sys.stderr.write("\\n" + json.dumps([code, names, files]))
"""


def _python(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    paths = [str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )


def watched(arguments: Sequence[str]) -> tuple[list[str], list[Path]]:
    """What ``python ARGUMENTS`` has imported when it ends: heavy packages, and the modules of seqlab.

    Raises:
        RuntimeError: the command failed.
    """
    done = _python(("-c", _WATCHED, *arguments))
    code, found, files = json.loads(done.stderr.splitlines()[-1])
    if code != 0:
        raise RuntimeError(f"{' '.join(arguments)} ended with code {code}: {done.stderr}")
    return [name for name in HEAVY if name in found], [Path(file) for file in files]


def imported(arguments: Sequence[str]) -> list[str]:
    """The heavy packages alone."""
    return watched(arguments)[0]


def num_lines(files: Sequence[Path]) -> int:
    """The lines of the files together."""
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def run_arguments(folder: Path, *overrides: str) -> tuple[str, ...]:
    """A whole run of train.py, as small as it gets."""
    return ("train.py", *SMALL, *overrides, f"hydra.run.dir={folder}")


def seconds(arguments: Sequence[str]) -> float:
    """Wall-clock time of ``python ARGUMENTS``."""
    start = time.perf_counter()
    _python(arguments)
    return time.perf_counter() - start


def launch(rounds: int) -> str:
    """From the shell to the first training step, in turn with a plain Lightning script and bare imports."""
    leave = "+callbacks.extra.leave._target_=benchmarks.first_step.LeaveAtFirstStep"
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "`import torch, pytorch_lightning` alone": ("-c", "import torch, pytorch_lightning"),
            "a plain Lightning script": ("benchmarks/plain_lightning.py",),
            "`python train.py`": ("train.py", leave, f"hydra.run.dir={folder}/run"),
        }
        for number in range(rounds + 1):
            for name, arguments in commands.items():
                found = seconds(arguments)
                if number:  # the first round warms up
                    taken.setdefault(name, []).append(found)
    ours = taken["`python train.py`"]
    lines = ["| to the first training step | `python train.py` takes times as long | s |", "|---|---|---|"]
    for name, found in taken.items():
        times = "" if found is ours else spread(ratios(ours, found, "lower"), ".2f")
        lines.append(f"| {name} | {times} | {spread(found, '.2f')} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--launch", action="store_true", help="only from the shell to the first step")
    arguments = parser.parse_args()
    repeats = arguments.repeats
    if arguments.launch:
        print(launch(repeats))
        return
    times: dict[str, list[float]] = {name: [] for name in ("python -c pass", *COMMANDS)}
    for number in range(repeats + 1):
        for name, arguments in {"python -c pass": NOTHING, **COMMANDS}.items():
            taken = seconds(arguments)
            if number:  # the first round reads files into the system's cache
                times[name].append(taken)
    bare = statistics.median(times["python -c pass"])
    print("| command | median (lowest to highest) | times bare python | heavy packages imported |")
    print("|---|---|---|---|")
    for name, taken in times.items():
        middle = statistics.median(taken)
        packages = ", ".join(imported(COMMANDS.get(name, NOTHING))) or "none"
        spread = f"{middle:.3f} s ({min(taken):.3f} to {max(taken):.3f})"
        print(f"| `{name}` | {spread} | {middle / bare:.2f} | {packages} |")
    print("\n| a whole run | heavy packages imported |")
    print("|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for overrides in (("logger=csv",), ("logger=wandb", "logger.wandb.mode=offline")):
            packages = ", ".join(imported(run_arguments(Path(folder) / str(len(overrides)), *overrides)))
            print(f"| `{' '.join(overrides)}` | {packages} |")


if __name__ == "__main__":
    main()
