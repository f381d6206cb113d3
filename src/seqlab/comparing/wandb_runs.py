"""Runs of a Weights & Biases project, as the same records that run folders give."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from seqlab.comparing.groups import UNKNOWN
from seqlab.comparing.runs import SEED, Run, flatten, numbers_of
from seqlab.errors import UserError

CONNECT_SECONDS = 5
ANSWER_SECONDS = 20
CURVE_POINTS = 200  # sampled by the server
_OFFLINE = "folders of runs are compared without a server: seqlab compare runs/"
_NO_KEY = f"--wandb: no API key: set WANDB_API_KEY or type `wandb login`; without an account, {_OFFLINE}"


def fetch_runs(project: str, *, with_curves: bool) -> tuple[list[Run], list[str]]:
    """All runs of ``PROJECT`` or ``ENTITY/PROJECT``, with their history where asked for; and notices.

    Nothing is asked on the terminal, and a server that does not answer is given up on after some seconds.

    Raises:
        UserError: no key, no connection, or the server refuses.
    """
    import wandb

    check_server(wandb.setup().settings.base_url)
    try:
        if not wandb.login(prompt=False):  # wandb.Api would ask for a key on the terminal
            raise UserError(_NO_KEY)
        found = list(wandb.Api(timeout=ANSWER_SECONDS).runs(project))
        return convert(found, with_curves=with_curves)
    except UserError:
        raise
    except (wandb.errors.Error, OSError, ValueError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise UserError(
            f"--wandb {project}: W&B gives no runs: {reason}; accepted is PROJECT or ENTITY/PROJECT, "
            f"of the account whose key is in use; {_OFFLINE}"
        ) from None


def check_server(url: str) -> None:
    """Connect within seconds: wandb itself retries for minutes.

    Raises:
        UserError: no connection.
    """
    if os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return  # the proxy connects, not this machine
    parts = urlsplit(url)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise UserError(
            f"--wandb: no connection to {url} within {CONNECT_SECONDS} s: {error}; go online, or set "
            f"WANDB_BASE_URL to your own server; offline, {_OFFLINE}"
        ) from None


def convert(found: Iterable[Any], *, with_curves: bool) -> tuple[list[Run], list[str]]:
    """Records of W&B's run objects (``wandb.apis.public.Run``), and notices.

    The first run that is listed is the newest. A run counts as finished when W&B says so and it has figures.
    """
    listed = list(found)
    if not listed:
        return [], ["the project holds no run"]
    plain = [{key: value for key, value in run.config.items() if key[:1] != "_"} for run in listed]
    configs = [flatten(config) for config in plain]
    choices = [_class_choices(config) for config in configs]
    _drop_what_follows_seed(configs)
    runs = []
    for age, (run, name) in enumerate(zip(listed, _names(listed), strict=True)):
        keys = list(run.summary.keys())  # a summary cannot be iterated over
        figures = numbers_of({key: run.summary[key] for key in keys if key[:1] != "_"})
        runs.append(
            Run(
                name=name,
                config=configs[age],
                choices=choices[age],
                metrics=figures if run.state == "finished" and figures else None,
                finished_at=-float(age),
                state=run.state,
                rows=list(run.history(samples=CURVE_POINTS, pandas=False)) if with_curves else (),
            )
        )
    return runs, ["W&B keeps no config groups: model and data are named by their class"]


def _class_choices(config: Mapping[str, Any]) -> dict[str, str]:
    """The class behind each group, where no record says which option was chosen."""
    keys = {group: f"{group}._target_" for group in ("data", "optimizer", "scheduler")}
    keys["model"] = "model.network._target_" if "model.network._target_" in config else "model._target_"
    return {group: str(config.get(key, UNKNOWN)).rpartition(".")[2] for group, key in keys.items()}


def _drop_what_follows_seed(configs: Sequence[dict[str, Any]]) -> None:
    """W&B holds ``${seed}`` resolved: a key named seed that equals the run's in every run follows it."""
    if len({config.get(SEED) for config in configs}) < 2:
        return  # one seed says nothing
    for key in {key for config in configs for key in config if key.endswith(f".{SEED}")}:
        having = [config for config in configs if key in config]
        if all(config[key] == config.get(SEED) for config in having):
            for config in having:
                del config[key]


def _names(runs: Sequence[Any]) -> list[str]:
    """Display names, with the id where a name is there twice."""
    names = [run.name for run in runs]
    return [f"{run.name} ({run.id})" if names.count(run.name) > 1 else run.name or run.id for run in runs]
