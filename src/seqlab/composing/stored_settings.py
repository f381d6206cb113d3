"""What the settings of a run folder may do to a run that goes on: whose code they name, what they read, where
they write. Whatever is typed, or stands in the user's own configs, may do more: see SECURITY.md."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seqlab.composing import compose_config
from seqlab.errors import UserError, shown
from seqlab.trust import RUNS, refuse_untrusted

# of Hydra's own settings those with which it runs code, sets variables or writes elsewhere
HYDRA = ("callbacks", "launcher", "sweeper", "job_logging", "hydra_logging", "env", "job", "output_subdir")
WRITERS = ("callbacks", "logger", "trainer")
# a reference to a setting, to Hydra or to the clock
_PLAIN = re.compile(r"\$\{(?:(?:hydra|now):[\w.%:-]*|[\w.\[\]]*)\}")
_ELSEWHERE = re.compile(r"[/~\\]|[A-Za-z]:[/\\]|(.*[/\\])?\.\.([/\\]|$)|.*://", re.DOTALL)


def check_stored(
    conf: Path, typed: Sequence[str], whole: Sequence[str], folder: Path, trust: Collection[str]
) -> None:
    """Raise UserError where a run that goes on would do more than train with what was there before.

    Args:
        conf: the config folder of train.py.
        typed: the overrides that are given now.
        whole: all of the run.
        folder: of the run.
        trust: packages outside seqlab whose code it may run.
    """
    where = f"resume={folder}"
    try:
        composed = compose_config(conf, whole, hydra=True)
    except Exception as error:
        said = str(error).split("\n", maxsplit=1)[0]
        raise UserError(f"{where}: its settings cannot be composed: {said}") from error
    own = _own(conf, typed)
    again = "where you want that, type the setting that does so as well, as when the run was started"
    for name in HYDRA:
        if _of_hydra(composed, name) != _of_hydra(own, name):
            raise UserError(f"{where}: its settings change hydra.{name}, which they may not; {again}")
    known = set(_leaves(_without_hydra(own, resolve=False)))
    for key, text in _leaves(_without_hydra(composed, resolve=False)):
        if "${" in _PLAIN.sub("", text) and (key, text) not in known:
            raise UserError(
                f"{where}: its {key}={shown(text)} would read what is no setting, such as a variable; {again}"
            )
    config = _without_hydra(composed, resolve=True)
    refuse_untrusted(config, where, trust, RUNS)
    known = set(_leaves(_without_hydra(own, resolve=True)))
    for key, text in _leaves({name: config.get(name) for name in WRITERS}):
        if _ELSEWHERE.match(text) and (key, text) not in known:
            raise UserError(f"{where}: its {key}={shown(text)} leads out of the run folder; {again}")


def _own(conf: Path, typed: Sequence[str]) -> DictConfig:
    """What the user's own configs and words say without the run folder."""
    try:
        return compose_config(conf, typed, hydra=True)
    except Exception:  # words about groups that the run folder chooses
        return compose_config(conf, [], hydra=True)


def _of_hydra(config: DictConfig, name: str) -> Any:
    content: Any = OmegaConf.to_container(config.hydra, resolve=False)
    if name == "job":  # the rest of it tells of the run
        return content["job"]["env_set"], content["job"]["env_copy"], content["job"]["chdir"]
    return content[name]


def _without_hydra(config: DictConfig, *, resolve: bool) -> dict[str, Any]:
    rest = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return OmegaConf.to_container(rest, resolve=resolve)  # type: ignore[return-value]


def _leaves(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text below a node with its dotted key."""
    if isinstance(node, str):
        yield key, node
    elif isinstance(node, dict | list):
        parts = node.items() if isinstance(node, dict) else enumerate(node)
        for name, inner in parts:
            yield from _leaves(inner, f"{key}.{name}" if key else str(name))
