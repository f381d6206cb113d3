"""``seqlab doctor``: what this machine has of what a run needs, and what to do about the rest."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, requires, version
from netrc import netrc
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from packaging.requirements import Requirement

EXIT_NEEDED = 1  # something that every run needs is missing
OK, NOTE, FAIL = "ok", "note", "FAIL"
# named beside seqlab itself; the other packages only where their version is wrong
SHOWN = ("torch", "pytorch-lightning", "hydra-core")
EXTRAS = {"onnx": "seqlab export", "tensorboard": "logger=tensorboard", "mlflow-skinny": "logger=mlflow"}
EXTRAS |= {"ray": "seqlab sweep --engine ray"}
FILE_KEYS = ("path", "train", "val", "test", "normal", "abnormal", "sessions", "folder", "labels")


class Check(NamedTuple):
    """One row."""

    about: str
    found: str
    state: str = OK
    todo: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the rows as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    checks = [check for group in GROUPS for check in _safely(group)]
    failed = any(check.state == FAIL for check in checks)
    if arguments.json:
        print(json.dumps({"ok": not failed, "checks": [check._asdict() for check in checks]}, indent=2))
    else:
        _print_table(checks)
    return EXIT_NEEDED if failed else 0


def _safely(group: Any) -> Iterator[Check]:
    """The rows of a group; a broken package is a row, since it is what this command is called for."""
    try:
        yield from group()
    except Exception as error:
        about = group.__name__.strip("_").replace("_", " ")
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        if group in NEEDED:
            yield Check(about, reason, FAIL, "install again: pip install -r requirements.txt")
        else:
            yield Check(about, reason, NOTE)


def _versions() -> Iterator[Check]:
    """Python, seqlab, and what pyproject.toml asks for."""
    python = platform.python_version()
    is_new = sys.version_info >= (3, 11)
    yield Check("Python", python, *(() if is_new else (FAIL, "Python 3.11 or newer, in a new environment")))
    try:
        yield Check("seqlab", version("seqlab"))
    except PackageNotFoundError:
        yield Check("seqlab", "not installed", FAIL, "pip install -r requirements.txt")
        return
    from packaging.requirements import Requirement

    wanted = [Requirement(line) for line in requires("seqlab") or ()]
    wanted = [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    wrong = [(each, found) for each in wanted if not _fits(each, found := _found(each.name))]
    for name in SHOWN:
        if all(each.name != name for each, _ in wrong):
            yield Check(name, _found(name) or "")
    for each, found in wrong:
        yield Check(each.name, found or "not installed", FAIL, f"pip install '{each.name}{each.specifier}'")
    if not wrong:
        yield Check("other packages", f"all {len(wanted) - len(SHOWN)} fit")


def _found(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _fits(wanted: Requirement, found: str | None) -> bool:
    return found is not None and wanted.specifier.contains(found, prereleases=True)


def _cpu() -> Iterator[Check]:
    import torch

    from seqlab.process import cores as usable_cores
    from seqlab.process import threads_of

    cores, threads = usable_cores(), threads_of("auto") or torch.get_num_threads()
    todo = ""
    if threads > cores:
        todo = f"OMP_NUM_THREADS={cores}: more threads than cores slow a run down"
    elif threads < cores and os.environ.get("OMP_NUM_THREADS"):
        todo = f"OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']} holds it to that"
    yield Check("CPU", f"{cores} cores, training uses {threads}", NOTE if todo else OK, todo)


def _gpu_and_precision() -> Iterator[Check]:
    import torch

    from seqlab.training.trainer import precision_of

    count = torch.cuda.device_count()
    for index in range(count):
        properties = torch.cuda.get_device_properties(index)
        found = f"{properties.name}, {properties.total_memory / 1e9:.0f} GB, CUDA {torch.version.cuda}"
        yield Check(f"GPU {index}", found, OK, "trainer.gpus=auto uses it")
    if not count and shutil.which("nvidia-smi"):
        todo = "driver and PyTorch's CUDA version do not fit: pytorch.org/get-started"
        if torch.version.cuda is None:
            todo = "this PyTorch is built for the CPU: rm -r .venv && make train TORCH=pypi"
        yield Check("GPU", "a driver, but none that PyTorch sees", NOTE, todo)
    elif not count:
        yield Check("GPU", "none; runs are on the CPU, as by default")
    where = "gpu" if count else "cpu"
    fast = precision_of({"precision": "auto"}, where)
    half = "fp16 (16-mixed) too" if count else "fp16 (16-mixed) needs a GPU"
    bf16 = "bf16 in hardware" if fast == "bf16-mixed" else "no bf16 in hardware"
    yield Check("precision", f"{bf16}; {half}", OK, f"trainer.precision=auto is {fast} here")


def _compiler() -> Iterator[Check]:
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        todo = "only trainer.compile=true needs one: install g++, or name one in CXX"
        yield Check("C++ compiler", f"no {compiler}", NOTE, todo)
        return
    asked = subprocess.run(
        [compiler, "-dumpversion"], capture_output=True, text=True, timeout=20, check=False
    )
    yield Check("C++ compiler", f"{compiler} {asked.stdout.strip()}", OK, "trainer.compile=true works")


def _data() -> Iterator[Check]:
    """Public sets that are in the cache, and files that the project's own settings name."""
    from seqlab.downloads.fetching import cache_folder, is_here
    from seqlab.downloads.registry import read_registry
    from seqlab.privacy import told
    from seqlab.project import project_folder

    registry, root = read_registry(), cache_folder()
    here = [data.name for data in registry.values() if is_here(data, root)]
    found = f"{', '.join(here) or 'none'} of {len(registry)} in {told(str(root))}"
    yield Check("public data", found, OK, "" if here else "seqlab download; samples need no file")
    for setting, files in _named_files(project_folder() / "conf"):
        missing = [file for file in files if not Path(file).expanduser().exists()]
        name = setting.partition("=")[2]
        first = f"seqlab download {name}, then " if name in registry else ""
        todo = f"{first}data.folder=DIR says where they lie"
        if missing:
            yield Check(setting, f"{len(missing)} files not here: {missing[0]}", NOTE, todo)
        else:
            yield Check(setting, f"all {len(files)} files are here")


def _named_files(conf: Path) -> Iterator[tuple[str, list[str]]]:
    """Settings of ``conf/data`` and ``conf/experiment`` that name files: ``data=shops``, the files."""
    from omegaconf import OmegaConf

    for path in sorted([*conf.glob("data/*.yaml"), *conf.glob("experiment/*.yaml")]):
        settings: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        data = settings.get("data", settings) if isinstance(settings, dict) else None
        values = [data.get(key) for key in FILE_KEYS] if isinstance(data, dict) else []
        files = [each for value in values for each in (value if isinstance(value, list) else [value])]
        named = [each for each in files if isinstance(each, str) and "$" not in each and each != "???"]
        if named:
            yield f"{path.parent.name}={path.stem}", named


def _runs() -> Iterator[Check]:
    """Whether a run folder can be made here."""
    runs = Path("runs")
    place = runs if runs.exists() else Path.cwd()
    try:
        with tempfile.TemporaryDirectory(dir=place, prefix=".doctor-"):
            free = shutil.disk_usage(place).free / 1e9
    except OSError as error:
        reason = f"cannot be written: {error.strerror or error}"
        yield Check("runs/", reason, FAIL, "work in a folder of yours, or give hydra.run.dir=FOLDER")
        return
    todo = "a run takes some 10 MB" if free < 1 else ""
    yield Check("runs/", f"can be written, {free:,.0f} GB free", NOTE if todo else OK, todo)


def _trackers() -> Iterator[Check]:
    """W&B as its environment, netrc and settings files have it, without its key and without asking it: that
    starts a process of its own and takes seconds; and the extras."""
    host = urlsplit(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    has_key = bool(os.environ.get("WANDB_API_KEY")) or _in_netrc(host)
    settings = ConfigParser()
    settings.read(Path("wandb/settings"), encoding="utf-8")  # what `wandb offline` writes
    mode = os.environ.get("WANDB_MODE") or settings.get("default", "mode", fallback="") or "online"
    if mode != "online":
        yield Check("W&B", mode, OK, "WANDB_MODE, or `wandb online`, changes it")
    elif has_key:
        yield Check("W&B", f"a key for {host} is here", OK, "logger=wandb is online")
    else:
        yield Check("W&B", "no key: runs stay on disk", OK, "wandb login, for logger=wandb online")
    for name, use in EXTRAS.items():
        installed = _found(name)
        extra = name.removesuffix("-skinny")
        todo = "" if installed else f"only {use} needs it: pip install -e '.[{extra}]'"
        yield Check(extra, installed or "not installed", OK, todo)


def _in_netrc(host: str) -> bool:
    files = (os.environ.get("NETRC"), "~/.netrc", "~/_netrc")
    found = [Path(file).expanduser() for file in files if file]
    return any(netrc(file).authenticators(host) is not None for file in found if file.is_file())


NEEDED = (_versions, _cpu, _gpu_and_precision, _runs)
GROUPS = (_versions, _cpu, _gpu_and_precision, _compiler, _data, _runs, _trackers)


def _print_table(checks: list[Check]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from seqlab.errors import escaped

    table = Table("", "what", "found", "what to do", box=SIMPLE_HEAD, pad_edge=False)
    styles = {OK: "green", NOTE: "yellow", FAIL: "bold red"}
    for check in checks:
        words = [escape(escaped(each)) for each in (check.about, check.found, check.todo)]
        table.add_row(f"[{styles[check.state]}]{check.state}[/]", *words)
    Console().print(table)
    failed = sum(check.state == FAIL for check in checks)
    print(f"{failed} of these every run needs: mend the lines that say FAIL" if failed else "ready to train")
