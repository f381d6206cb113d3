"""Where the chunks of a parse are computed: threads of this machine, or a Ray cluster."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from seqlab.errors import UserError

ENGINES = ("local", "ray")


class Engine(Protocol):
    """Computes functions on their own, side by side."""

    workers: int

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]: ...

    def close(self) -> None: ...


class Threads:
    """One thread a core: polars and NumPy release Python's lock in what is dear."""

    def __init__(self) -> None:
        self.workers = (
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        )
        self._pool = ThreadPoolExecutor(self.workers)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        return self._pool.submit(function, *arguments)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


class Ray:
    """Tasks of a Ray cluster. The machines share the logs' and the output's folders.

    Args:
        address: of the cluster; None starts one on this machine.

    Raises:
        UserError: ray is not installed, or no cluster answers.
    """

    def __init__(self, address: str | None) -> None:
        try:
            import ray
        except ImportError:
            raise UserError("--engine ray needs Ray: pip install 'seqlab[ray]'") from None
        try:
            ray.init(
                address=address, log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise UserError(f"--address {address}: no Ray cluster there: {error}") from None
        self._ray = ray
        self._call = ray.remote(num_cpus=1)(_call)
        self.workers = max(int(ray.cluster_resources().get("CPU", 1)), 1)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        promise: Future[Any] = self._call.remote(function, *arguments).future()
        return promise

    def close(self) -> None:
        self._ray.shutdown()


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def open_engine(name: str, address: str | None = None) -> Engine:
    """An engine by name.

    Raises:
        UserError: an unknown name, or an address without Ray.
    """
    if name not in ENGINES:
        raise UserError(f"--engine {name}: choose {' or '.join(ENGINES)}")
    if name == "local":
        if address is not None:
            raise UserError("--address goes with --engine ray")
        return Threads()
    return Ray(address)
