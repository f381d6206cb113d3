"""A program that a notebook starts with ``!``: what the kernel's environment says need not hold here."""

from __future__ import annotations

import importlib.util
import os


def leave_backend_of_kernel() -> None:
    """Take away the kernel's MPLBACKEND where this Python lacks its package: matplotlib, which torchmetrics
    imports, would refuse it with a traceback."""
    backend = os.environ.get("MPLBACKEND", "")
    package = backend.removeprefix("module://").partition(".")[0]
    if backend.startswith("module://") and importlib.util.find_spec(package) is None:
        del os.environ["MPLBACKEND"]
