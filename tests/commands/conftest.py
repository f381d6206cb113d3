"""``seqlab detect`` within this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.cli import main

Detect = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture
def detect(capsys: pytest.CaptureFixture[str]) -> Detect:
    """``seqlab detect ... --json``: exit code, alerts, standard error."""

    def run(*arguments: str | Path) -> tuple[int, list[dict[str, Any]], str]:
        capsys.readouterr()
        code = main(["detect", *map(str, arguments), "--json"])
        out, err = capsys.readouterr()
        return code, [json.loads(line) for line in out.splitlines()], err

    return run


@pytest.fixture
def refused(detect: Detect) -> Callable[..., str]:
    """The one message of ``seqlab detect`` that ends with exit code 2 before any alert."""

    def run(*arguments: str | Path) -> str:
        code, alerts, said = detect(*arguments)
        assert (code, alerts) == (2, []), said
        assert "Traceback" not in said
        assert said.startswith("error: ")
        assert said.count("\n") == 1
        return said

    return run
