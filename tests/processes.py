"""Real processes of ``python ARGUMENTS`` that start without the seconds of importing torch.

A server imports what train.py and the commands need, runs none of it, and forks for every call: the new
process has its own pid, arguments, folder, environment and standard streams, hears signals, and ends as any
Python ends. What an environment variable does at start-up, and which modules are loaded, it cannot tell: such
tests start a cold process with ``subprocess``.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

NUMBER = 8  # bytes of a number in a message
LIBRARIES = (
    *("hydra.main", "torch._dynamo", "torch.utils.data", "pytorch_lightning", "pandas", "rich.table"),
    *("matplotlib.pyplot", "scipy.stats", "sklearn.ensemble", "sklearn.svm"),
)
PACKAGES = ("composing", "training", "tasks", "networks", "report")
KINDS = ("detection", "forecasting", "language_model", "translation", "classification", "tagging")


class Server:
    """The process that forks: one for a session of pytest.

    Args:
        path: the folder that holds the package seqlab.
    """

    def __init__(self, path: Path) -> None:
        self.environment = os.environ | {"PYTHONPATH": str(path), "OMP_NUM_THREADS": "1"}
        self.control, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                env=self.environment,
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        self.control.close()
        self.process.wait()

    def popen(self, *arguments: str | Path, **settings: Any) -> subprocess.Popen[Any]:
        """``subprocess.Popen`` of ``python ARGUMENTS``, where these are a script, or ``-m`` and a module."""
        return _Forked(self, [sys.executable, *map(str, arguments)], **settings)

    def run(
        self, *arguments: str | Path, input: Any = None, timeout: float | None = 240, **settings: Any
    ) -> subprocess.CompletedProcess[Any]:
        """``subprocess.run`` of it, which captures text."""
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        if input is not None:
            streams["stdin"] = subprocess.PIPE
        with self.popen(*arguments, **(streams | settings)) as process:
            try:
                said, complained = process.communicate(input, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            return subprocess.CompletedProcess(process.args, process.returncode, said, complained)


class _Forked(subprocess.Popen):
    """A process that the server forks, and not a child of this one: how it ended is told through a socket."""

    def __init__(self, server: Server, arguments: list[str], **settings: Any) -> None:
        self._server = server
        super().__init__(arguments, **settings)

    def _execute_child(self, args: Any, executable: Any, *settings: Any) -> None:  # type: ignore[override]
        preexec_fn, _, _, folder, env, _, _, _, *pipes = settings[:14]
        assert preexec_fn is None, "another process forks: it knows no function of this one"
        environment = dict(os.environ if env is None else env)
        read_at_start = {name for name in environment if name.startswith(("PYTHON", "OMP_"))} - {"PYTHONPATH"}
        for name in read_at_start:
            assert environment[name] == self._server.environment.get(name), f"{name}: start a cold process"
        call = {"arguments": args[1:], "folder": os.path.abspath(folder or "."), "environment": environment}
        message = json.dumps(call).encode()
        streams = [pipes[0], pipes[3], pipes[5]]
        self._watch, theirs = socket.socketpair()
        with theirs:
            fds = [fd if fd != -1 else number for number, fd in enumerate(streams)]
            socket.send_fds(self._server.control, [b"1"], [theirs.fileno(), *fds])
        self._watch.sendall(len(message).to_bytes(NUMBER, "big") + message)
        self._close_pipe_fds(*pipes)
        self.pid = int.from_bytes(self._watch.recv(NUMBER, socket.MSG_WAITALL), "big")
        self._child_created = True

    def _internal_poll(self, _deadstate: int | None = None, **_: Any) -> int | None:  # type: ignore[override]
        if self.returncode is None:
            pid, status = self._try_wait(os.WNOHANG)
            if pid:
                self._handle_exitstatus(status)
        return self.returncode

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        wait = 0 if wait_flags & os.WNOHANG else None
        if not select.select([self._watch], [], [], wait)[0]:
            return 0, 0
        status = int.from_bytes(self._watch.recv(NUMBER, socket.MSG_WAITALL), "big")
        self._watch.close()
        return self.pid, status


def _import_all() -> None:
    """All that starts no thread: a fork copies only the one that calls it."""
    for name in LIBRARIES:
        importlib.import_module(name)
    for name in PACKAGES:
        package = importlib.import_module(f"seqlab.{name}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    for kind in KINDS:
        importlib.import_module(f"seqlab.evaluation.{kind}")
    assert not {"polars", "onnxruntime"} & set(sys.modules), "their threads do not survive a fork"


def _serve(control: socket.socket) -> dict[str, Any]:
    """Fork for every call until the session of tests ends; returns the call, in the forked process."""
    while True:
        byte, fds, *_ = socket.recv_fds(control, 1, 4)
        if not byte:
            sys.exit()
        if os.fork() == 0:
            control.close()
            return _watched(*fds)
        for fd in fds:
            os.close(fd)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _watched(watch_fd: int, *streams: int) -> dict[str, Any]:
    """Fork once more, and tell how that process ends; returns in it."""
    watch = socket.socket(fileno=watch_fd)
    size = int.from_bytes(watch.recv(NUMBER, socket.MSG_WAITALL), "big")
    call = json.loads(watch.recv(size, socket.MSG_WAITALL))
    pid = os.fork()
    if pid == 0:
        watch.close()
        for number, fd in enumerate(streams):
            os.dup2(fd, number)
            os.close(fd)
        return call
    os.closerange(0, watch_fd)
    for fd in streams:
        os.close(fd)
    watch.sendall(pid.to_bytes(NUMBER, "big"))
    status = os.waitpid(pid, 0)[1]
    with suppress(OSError):  # nobody waits for it any more
        watch.sendall(status.to_bytes(NUMBER, "big"))
    os._exit(0)


def _become(call: dict[str, Any]) -> None:
    """Run the call as Python would, up to its end."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(call["folder"])
    os.environ.clear()
    os.environ.update(call["environment"])
    sys.stdin, sys.stdout = os.fdopen(0, encoding="utf-8"), os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    first, *rest = call["arguments"]
    own = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if first == "-m":
        name, *rest = rest
        sys.path[:1] = [call["folder"], *own]
        sys.modules.pop(name, None)  # it is run, whatever has imported it
        sys.argv = ["-m", *rest]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
        return
    path = os.path.abspath(first)
    sys.path[:1] = [os.path.dirname(path), *own]
    sys.argv = [first, *rest]
    main = sys.modules["__main__"] = ModuleType("__main__")
    main.__file__ = path
    exec(compile(Path(path).read_bytes(), path, "exec"), vars(main))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _import_all()
    gc.freeze()
    _become(_serve(socket.socket(fileno=int(sys.argv[1]))))
