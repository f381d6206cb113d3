"""``python -m seqlab.sweeps.warm``: imports torch and Lightning once, then forks one process per trial.

Orders come in and news go out as JSON lines. A trial is a process of its own all the same: what kills it
kills nothing else. Forking happens before any thread runs and before CUDA is touched.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

# What a trial of any model imports anyway; an order may name more.
PRELOAD = (
    "torch",
    "torch.utils.data",
    "torch._dynamo",
    "pytorch_lightning",
    "pandas",
    "rich.table",
    "rich.console",
    "seqlab.commands.train",
    "seqlab.training.build",
    "seqlab.training.callbacks",
    "seqlab.training.checkpoints",
    "seqlab.training.tracking.loggers",
    "seqlab.training.pairs",
    "seqlab.training.run_folder",
    "seqlab.training.trainer",
    "seqlab.sweeps.reporting",
)


def import_targets(config: Any) -> None:
    """Import the module of every ``_target_`` in a composed config: tasks, networks, data, loggers."""
    if not isinstance(config, dict):
        return
    target = config.get("_target_")
    if isinstance(target, str):
        with contextlib.suppress(Exception):  # a wrong target is the trial's to complain about
            importlib.import_module(target.rpartition(".")[0])
    for value in config.values():
        import_targets(value)


def warm_up(conf: str, overrides: list[list[str]]) -> None:
    """Import what the trials' configs name, and compose them once: Hydra keeps what it parsed."""
    from hydra._internal import hydra as hydra_main
    from hydra.core.global_hydra import GlobalHydra
    from omegaconf import OmegaConf

    from seqlab.composing.compose import compose_config

    for each in overrides:
        with contextlib.suppress(Exception):
            import_targets(OmegaConf.to_container(compose_config(Path(conf), each), resolve=False))
        GlobalHydra.instance().clear()
    # Hydra composes everything once more to learn whether a call is a multirun, which a trial never is.
    hydra_main.Hydra.get_mode = lambda *_, **__: None  # type: ignore[method-assign]
    gc.collect()
    gc.freeze()  # else every trial walks over, and so copies, all that was imported here


def run_trial(order: dict[str, Any]) -> int:
    """In the forked process: become ``python PROGRAM OVERRIDES`` and give its exit code."""
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    out = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False, buffering=1)
    os.environ.update(order["environment"])
    import torch

    torch.set_num_threads(int(order["environment"]["OMP_NUM_THREADS"]))
    sys.argv = [order["program"], *order["overrides"]]
    sys.path.insert(0, str(Path(order["program"]).parent))
    try:
        runpy.run_path(order["program"], run_name="__main__")
        code: Any = 0
    except SystemExit as leaving:
        code = leaving.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    with contextlib.suppress(Exception):
        atexit._run_exitfuncs()
    sys.stdout.flush()
    return code if isinstance(code, int) else int(code is not None)


def _tell(news: dict[str, Any]) -> None:
    print(json.dumps(news), flush=True)


def _reap(running: dict[int, str]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        _tell({"ended": running.pop(pid), "code": os.waitstatus_to_exitcode(status)})


def serve(orders: int) -> None:
    """Fork a trial per order until the orders end; then the trials end too."""
    ear, mouth = os.pipe()
    for end in (ear, mouth):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(mouth)
    running: dict[int, str] = {}
    selector = selectors.DefaultSelector()
    selector.register(orders, selectors.EVENT_READ)
    selector.register(ear, selectors.EVENT_READ)
    rest = b""
    while True:
        ready = {key.fd for key, _ in selector.select()}
        if ear in ready:
            os.read(ear, 4096)
        _reap(running)
        if orders not in ready:
            continue
        got = os.read(orders, 65536)
        if not got:  # the sweep has ended, in whatever way
            for pid in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
            return
        *lines, rest = (rest + got).split(b"\n")
        for line in lines:
            order = json.loads(line)
            pid = os.fork()
            if not pid:
                selector.close()
                for end in (ear, mouth):
                    os.close(end)
                code = 1
                try:
                    code = run_trial(order)
                finally:
                    os._exit(code)
            with contextlib.suppress(OSError):  # whoever comes first: it may be killed before it has run
                os.setpgid(pid, pid)
            running[pid] = order["name"]
            _tell({"started": order["name"], "pid": pid})


if __name__ == "__main__":
    for module in PRELOAD:
        importlib.import_module(module)
    first = json.loads(open(0, "rb", buffering=0, closefd=False).readline())  # noqa: SIM115  orders follow
    warm_up(first["conf"], first["overrides"])
    _tell({"ready": True})
    serve(sys.stdin.fileno())
