"""Entries of benchmarks/results.json, for tests of the pages that are made of them."""

from typing import Any


def entry(seconds: float = 12.3, **figures: float) -> dict[str, Any]:
    """One seed's; ``__`` in a figure's name stands for ``/``."""
    return {
        "commit": "abc",
        "date": "2026-01-02",
        "machine": "CPU, 2 cores",
        "threads": 1,
        "torch": "2.13.0",
        "seconds": seconds,
        "figures": {key.replace("__", "/"): value for key, value in figures.items()},
    }
