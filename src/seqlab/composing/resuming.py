"""``resume=RUNDIR``: the command line of a run that goes on, put together before Hydra reads it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from seqlab.composing import SEARCH_PATH, read_arguments
from seqlab.composing.grammar import quoted, readable_overrides
from seqlab.composing.stored_settings import check_stored
from seqlab.errors import UserError, shown
from seqlab.privacy import lost
from seqlab.trust import KNOWN, package_of, trust_options

OWN_SOURCES = ("hydra", "main", "schema")  # Hydra's own configs, conf/, and no folder
LONGER = ("trainer.max_epochs", "trainer.max_steps")  # what lets a finished run go on
FOLDER = "hydra.run.dir="


def resumed_arguments(
    arguments: Sequence[str], conf: Path, trust: Collection[str] = (), runs: Path = Path("runs")
) -> list[str]:
    """The arguments with those of the run that goes on before them; what is given now wins.

    ``resume=RUNDIR`` names the folder. ``resume=latest`` takes the youngest run below ``runs`` that is not
    finished; with more epochs or steps, the youngest of all. ``resume=auto`` goes on in ``hydra.run.dir``
    where a run lies there and else begins it: a cluster's scheduler can repeat the same line.

    Args:
        arguments: one of them begins with ``resume=``.
        conf: the config folder of train.py.
        trust: packages outside seqlab whose code the run folder may name.

    Raises:
        UserError: no such run, several runs at once, ``auto`` without a folder, code of a package that is
            not trusted.
    """
    wanted = [part for part in arguments if part.startswith("resume=")][-1].removeprefix("resume=")
    rest = [part for part in arguments if not part.startswith("resume=")]
    if wanted in ("", "null"):
        return list(arguments)
    if {"-m", "--multirun"} & set(rest):
        raise UserError(f"resume={wanted} with -m: resume one run at a time, without -m")
    names = {_name(part) for part in rest}
    folder = Path(wanted)
    if wanted == "latest":
        folder = latest_run(runs, with_finished=not names.isdisjoint(LONGER))
    elif wanted == "auto":
        given = [part for part in rest if part.startswith(FOLDER)]
        if not given:
            raise UserError(f"resume=auto: which folder? add {FOLDER}runs/NAME")
        folder = Path(given[-1].removeprefix(FOLDER).strip("'\""))
    if not (folder / ".hydra" / "overrides.yaml").exists():
        if wanted == "auto":
            return rest
        raise UserError(
            f"resume={wanted}: no run lies there (it has no .hydra/overrides.yaml); give a run folder "
            "such as runs/gru-hdfs_window/2026-01-31_12-00-00, or latest"
        )
    rest = [part for part in rest if not part.startswith(FOLDER)]
    kept = [part for part in stored_overrides(folder) if _name(part) not in names]
    if secrets := [_name(part) for part in kept if lost(part)]:
        raise UserError(
            f"resume={folder}: a run folder keeps no secrets; give {' and '.join(secrets)} again, as when "
            "the run was started"
        )
    line = read_arguments(rest)
    search = [*line.search, *(part for part in line.overrides if part.startswith(SEARCH_PATH))]
    if not search:
        kept += search_path(folder, trust)
    typed = [*search, *readable_overrides(line.overrides)]
    check_stored(conf, typed, [*search, *kept, *readable_overrides(line.overrides)], folder, trust)
    path = str(folder) if re.fullmatch(r"[\w./+-]+", str(folder), re.ASCII) else quoted(str(folder))
    return [*kept, *rest, f"{FOLDER}{path}", f"resume={path}"]


def stored_overrides(folder: Path) -> list[str]:
    """The overrides that a run was started with, without its resuming and without Hydra's own settings."""
    found = _yaml(folder / ".hydra" / "overrides.yaml") or []
    return [str(part) for part in found if not re.match(r"resume=|[+~]*hydra\b", str(part))]


def search_path(folder: Path, trust: Collection[str] = ()) -> list[str]:
    """An override for the folders of configs that a run was started with, beside those of the project.

    Raises:
        UserError: one of them lies in a package that is not trusted: Hydra would import it.
    """
    try:
        runtime = _yaml(folder / ".hydra" / "hydra.yaml")["hydra"]["runtime"]
    except OSError:
        return []
    sources = [each for each in runtime["config_sources"] if each["provider"] not in OWN_SOURCES]
    for package in (package_of(each["path"]) for each in sources if each["schema"] == "pkg"):
        if package not in {*KNOWN, *trust}:
            raise UserError(
                f"resume={folder}: its configs lie in the package {shown(package)}, which was not imported. "
                f"Where you trust the whole package, add {trust_options([package])} to the command"
            )
    folders = {"file": lambda path: f"file://{Path(runtime['cwd'], path)}", "pkg": "pkg://{}".format}
    found = [quoted(folders[each["schema"]](each["path"])) for each in sources]
    return [f"{SEARCH_PATH}[{','.join(found)}]"] if found else []


def latest_run(runs: Path, *, with_finished: bool = False) -> Path:
    """The run folder that was written to last, of those that are not finished or of all.

    Raises:
        UserError: none is there.
    """
    found = [path.parent.parent for path in runs.glob("**/.hydra/overrides.yaml")]
    open_ones = [path for path in found if with_finished or not (path / "metrics.json").exists()]
    if not open_ones:
        raise UserError(
            f"resume=latest: every run below {runs.resolve()} is finished; add trainer.max_epochs=N to train "
            "the youngest further, or name the folder: resume=RUNDIR"
            if found
            else f"resume=latest: no run below {runs.resolve()} was found; name the folder: resume=RUNDIR"
        )
    return max(open_ones, key=_last_written)


def _last_written(folder: Path) -> float:
    parts = (folder / "checkpoints" / "last.ckpt", folder / ".hydra" / "overrides.yaml")
    return max(path.stat().st_mtime for path in parts if path.exists())


def _yaml(path: Path) -> Any:
    import yaml

    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _name(override: str) -> str:
    return re.sub(r"^[+~]+", "", override.split("=", maxsplit=1)[0]).split("@", maxsplit=1)[0]
