"""Whose code a checkpoint may name: decided here alone, for networks, evaluations and coders alike.

Loads no torch.
"""

from __future__ import annotations

import logging
import shlex
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from seqlab.errors import LONGEST_SHOWN, UserError, shown

KNOWN = ("seqlab", "torch", "pytorch_lightning", "torchmetrics")


class Allowed(NamedTuple):
    """Classes that one part of a checkpoint may name."""

    modules: tuple[str, ...]  # of the known packages; the modules of trusted packages come in addition
    base: str  # the class that all of them derive from
    functions: str | None = None  # the module whose functions it may name too


NETWORKS = Allowed(
    ("seqlab.networks.", "seqlab.tasks.", "torch.nn.", "pytorch_lightning.", "torchmetrics."),
    "torch.nn.Module",
)
EVALUATIONS = Allowed(("seqlab.evaluation.",), "seqlab.evaluation.base.Evaluation")
CODERS = Allowed(("seqlab.data.",), "builtins.object")
RUNS = Allowed(  # what the settings of a run folder may name
    (
        *("seqlab.data.", "seqlab.networks.", "seqlab.tasks.", "seqlab.evaluation."),
        *("seqlab.training.schedulers", "seqlab.training.tracking", "torch.nn.", "torch.optim."),
        *("pytorch_lightning.callbacks.", "pytorch_lightning.loggers.", "torchmetrics."),
    ),
    "builtins.object",
    "seqlab.training.schedulers",
)
CODER_CLASS = "class"  # key of a coder's state in the data's state


def package_of(name: object) -> str:
    """``mylab`` of ``mylab.tcn.CausalTCN``."""
    return str(name).partition(".")[0]


def outside_packages(*configs: Any) -> list[str]:
    """The packages, other than the known ones, that configs name."""
    return sorted({package_of(name) for config in configs for name in targets(config)} - set(KNOWN))


def trust_options(packages: Iterable[str]) -> str:
    """``--trust mylab --trust otherlab``"""
    return " ".join(f"--trust {package}" for package in packages)


def check_packages(packages: Collection[str]) -> None:
    """Raise UserError where ``--trust`` was given what is no package of somebody's own."""
    for package in packages:
        if not package.isidentifier():
            instead = package_of(package) or "mylab"
            raise UserError(f"--trust {package}: give the name of a package alone, such as {instead}")
        if _is_python(package):
            raise UserError(
                f"--trust {package}: a part of Python itself; a file that names it is not to be trusted"
            )


def refuse_untrusted(
    config: Any, path: str | Path, trust: Collection[str], allowed: Allowed = NETWORKS
) -> None:
    """Raise UserError where building a config could run anything but what is allowed of seqlab and torch, and
    such classes of the trusted packages. Nothing of any other package is imported.

    Args:
        config: plain values: of the model, of its evaluation, of a whole run.
        path: of the checkpoint or the run folder, for the message.
        trust: what ``--trust`` named.
    """
    check_packages(trust)
    for text in _texts(config):
        if "${" in text:  # a resolver could make a config of it
            raise _foreign(path, text)
    names = [str(name) for name in targets(config)]
    missing: dict[str, str] = {}
    for name in names:
        package = package_of(name)
        is_outside = package.isidentifier() and not _is_python(package) and package not in KNOWN
        is_outside &= len(name) <= LONGEST_SHOWN  # no name of a class, and no message can hold it
        if not is_outside and not name.startswith(allowed.modules):
            raise _foreign(path, name)
        if is_outside and package not in trust:
            missing.setdefault(package, name)
    if missing:
        raise UserError(
            f"{path}: it names {shown(' and '.join(missing.values()))}, code outside seqlab, which was not "
            f"run. Where you trust the whole package, add {trust_options(missing)} to the command"
        )
    import_from_here(trust)
    base = _object(allowed.base)
    for name in names:
        found = _found(name, path, allowed.modules)
        # a name that begins right is not enough: seqlab.tasks.base.inspect.os.system leads elsewhere
        home = str(getattr(found, "__module__", ""))
        is_known = home.startswith(allowed.modules) or package_of(home) in trust
        is_class = isinstance(found, type) and issubclass(found, base)
        is_function = allowed.functions is not None and isinstance(found, FunctionType)
        is_callable = is_class or (is_function and (home == allowed.functions or package_of(home) in trust))
        if not (is_known and is_callable):
            raise _foreign(path, name)


def refuse_untrusted_coders(data: Any, path: str | Path, trust: Collection[str]) -> None:
    """Raise UserError where the state of a checkpoint's data names the class of a coder that may not run."""
    refuse_untrusted(coder_configs(data), path, trust, CODERS)


def coder_configs(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The classes of coders that the state of a data module names, each as a config names a class."""
    states = [state for state in data.values() if isinstance(state, dict) and CODER_CLASS in state]
    return [{"_target_": state[CODER_CLASS]} for state in states]


def check_own_config(config: Any, where: str, allowed: Allowed = NETWORKS) -> None:
    """Raise UserError where a config of the user's own names what no checkpoint may, so that none is made."""
    own = [each for each in outside_packages(config) if not _is_python(each)]
    try:
        refuse_untrusted(config, where, own, allowed)
    except UserError as error:
        raise UserError(
            f"{error}; what a checkpoint may name under {where} are classes that derive from {allowed.base}: "
            "let these build the rest"
        ) from error


def imported(name: object, where: str, folders: Sequence[Path] = ()) -> Any:
    """The object that a config of the user's own names.

    Args:
        where: the key that names it.
        folders: where its package may lie without being found.

    Raises:
        UserError: it cannot be imported; says what to type.
    """
    try:
        return _object(str(name))
    except Exception as error:
        reason = _why_not(str(name), error, [Path.cwd(), *folders])
        raise UserError(f"{where}={name}: cannot be imported: {reason}") from error


class _FromHere(MetaPathFinder):
    """Finds packages in the current folder: those alone that are named, and after all others."""

    def __init__(self, packages: Collection[str]) -> None:
        self.packages, self.folder = frozenset(packages), str(Path.cwd())

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or fullname not in self.packages:
            return None
        return PathFinder.find_spec(fullname, [self.folder])


def import_from_here(packages: Collection[str]) -> None:
    """Let the packages be found in the current folder too, as train.py finds what lies beside it.

    For packages that ``--trust`` names, or a config of the user's own. It lasts: a network may import more of
    its package while it runs.
    """
    if packages:
        sys.meta_path.append(_FromHere(packages))


def _is_python(package: str) -> bool:
    """Whether it is of Python itself, or private, such as ``__main__``."""
    return package in sys.stdlib_module_names or package.startswith("_")


def _found(name: str, path: str | Path, known: tuple[str, ...]) -> Any:
    try:
        return _object(name)
    except Exception as error:
        if name.startswith(known):
            raise _foreign(path, name) from None
        reason = _why_not(name, error, [])
        raise UserError(
            f"{path}: it names {shown(name)}, which cannot be imported: {shown(reason)}"
        ) from error


def _object(name: str) -> Any:
    """What a dotted name leads to; Hydra's own words on a failure are kept back, as the error has them."""
    from hydra.utils import get_object

    log = logging.getLogger("hydra.utils")
    before, log.disabled = log.disabled, True
    try:
        return get_object(name)
    finally:
        log.disabled = before


def _why_not(name: str, error: Exception, folders: Sequence[Path]) -> str:
    """The reason in a line, and what to type."""
    package = package_of(name)
    if package.isidentifier() and find_spec(package) is None:
        places = [each for each in folders if (each / package).is_dir() or (each / f"{package}.py").is_file()]
        where = shlex.quote(str(places[0])) if places else "FOLDER"
        lies = "" if places else f", FOLDER being the one that {package} lies in"
        return (
            f"no module {package} is found; type PYTHONPATH={where} before the command{lies}, or install "
            f"the package of {package} with pip"
        )
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return " ".join(str(cause).split()) or type(cause).__name__


def targets(config: Any) -> Iterator[object]:
    """Every ``_target_`` below a config of plain values, outermost first."""
    if isinstance(config, dict):
        if "_target_" in config:
            yield config["_target_"]
        for value in config.values():
            yield from targets(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from targets(value)


def _texts(config: Any) -> Iterator[str]:
    if isinstance(config, str):
        yield config
    elif isinstance(config, dict | list | tuple):
        for value in config.values() if isinstance(config, dict) else config:
            yield from _texts(value)


def _foreign(path: str | Path, name: object) -> UserError:
    return UserError(
        f"{path}: it names {shown(name)}, which is no network, task, evaluation or coder of seqlab; nothing "
        "was executed"
    )
