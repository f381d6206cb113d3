"""``resume=RUNDIR``: the command line of a run that goes on, put together before Hydra reads it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from seqlab.errors import UserError

MULTIRUN = ("-m", "--multirun")
SEARCH_PATH = "hydra.searchpath="
CONFIG_DIR = ("--config-dir", "-cd")
OWN_SOURCES = ("hydra", "main", "schema")  # Hydra's own configs, conf/, and no folder


def resumed_arguments(arguments: Sequence[str], runs: Path = Path("runs")) -> list[str]:
    """The arguments with those of the run that goes on before them; what is given now wins.

    ``resume=RUNDIR`` names the folder, ``resume=latest`` takes the youngest unfinished one below ``runs``,
    ``resume=auto`` goes on in ``hydra.run.dir`` where a run lies there and else begins it: the same line can
    be run again and again, as a cluster's scheduler does.

    Raises:
        UserError: no such run, several runs at once, or ``auto`` without a folder.
    """
    given = [part for part in arguments if part.startswith("resume=")]
    if not given or given[-1] in ("resume=", "resume=null"):
        return list(arguments)
    wanted = given[-1].removeprefix("resume=")
    rest = [part for part in arguments if part not in given]
    if any(part in MULTIRUN for part in rest):
        raise UserError(f"resume={wanted} with -m: resume one run at a time, without -m")
    if wanted == "auto":
        folder = _folder_of(rest)
        if not (folder / ".hydra" / "overrides.yaml").exists():
            return rest
    else:
        folder = latest_run(runs) if wanted == "latest" else Path(wanted)
        if not (folder / ".hydra" / "overrides.yaml").exists():
            raise UserError(
                f"resume={wanted}: no run lies there (it has no .hydra/overrides.yaml); give a run folder "
                "such as runs/gru-hdfs_window/2026-01-31_12-00-00, or latest"
            )
    names = {_name(part) for part in rest}
    kept = [part for part in stored_overrides(folder) if _name(part) not in names]
    folders = [part for part in rest if part.startswith("hydra.run.dir=")]
    rest = [part for part in rest if part not in folders]
    if not any(part.startswith((SEARCH_PATH, *CONFIG_DIR)) for part in rest):
        kept += search_path(folder)
    return [*kept, *rest, f"hydra.run.dir={_quoted(folder)}", f"resume={_quoted(folder)}"]


def stored_overrides(folder: Path) -> list[str]:
    """The overrides that a run was started with, without its resuming."""
    import yaml

    text = (folder / ".hydra" / "overrides.yaml").read_text(encoding="utf-8")
    found = yaml.safe_load(text) or []
    return [str(part) for part in found if not str(part).startswith("resume=")]


def search_path(folder: Path) -> list[str]:
    """An override for the folders of configs that a run was started with, beside those of the project."""
    import yaml

    try:
        text = (folder / ".hydra" / "hydra.yaml").read_text(encoding="utf-8")
        runtime = yaml.safe_load(text)["hydra"]["runtime"]
        sources = [each for each in runtime["config_sources"] if each["provider"] not in OWN_SOURCES]
    except (OSError, KeyError, TypeError, yaml.YAMLError):
        return []
    places = [
        f"file://{Path(runtime['cwd'], each['path'])}"
        if each["schema"] == "file"
        else f"pkg://{each['path']}"
        for each in sources
    ]
    return [f"{SEARCH_PATH}[{','.join(map(_in_quotes, places))}]"] if places else []


def latest_run(runs: Path) -> Path:
    """The unfinished run folder that was written to last.

    Raises:
        UserError: none is there.
    """
    found = [path.parent.parent for path in runs.glob("**/.hydra/overrides.yaml")]
    unfinished = [path for path in found if not (path / "metrics.json").exists()]
    if not unfinished:
        raise UserError(
            f"resume=latest: {'every run' if found else 'no run'} below {runs.resolve()} "
            f"{'is finished' if found else 'was found'}; name the folder: resume=RUNDIR"
        )
    return max(unfinished, key=_last_written)


def _last_written(folder: Path) -> float:
    parts = (folder / "checkpoints" / "last.ckpt", folder / ".hydra" / "overrides.yaml")
    return max(path.stat().st_mtime for path in parts if path.exists())


def _folder_of(arguments: Sequence[str]) -> Path:
    given = [part for part in arguments if part.startswith("hydra.run.dir=")]
    if not given:
        raise UserError("resume=auto: which folder? add hydra.run.dir=runs/NAME")
    return Path(given[-1].removeprefix("hydra.run.dir=").strip("'\""))


def _name(override: str) -> str:
    return re.sub(r"^[+~]+", "", override.split("=", maxsplit=1)[0]).split("@", maxsplit=1)[0]


def _quoted(folder: Path) -> str:
    text = str(folder)
    return text if re.fullmatch(r"[\w./+-]+", text, re.ASCII) else _in_quotes(text)


def _in_quotes(text: str) -> str:
    from hydra.core.override_parser.types import Quote, QuotedString

    return QuotedString(text, Quote.double).with_quotes()
