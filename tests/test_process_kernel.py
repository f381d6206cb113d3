"""A kernel's own environment does not end a program that a notebook starts."""

import os
import subprocess
import sys

import pytest

from seqlab.process import leave_backend_of_kernel


@pytest.mark.parametrize(
    ("backend", "kept"),
    [("module://not_there_inline.backend", False), ("module://json.decoder", True), ("agg", True)],
)
def test_a_backend_goes_where_its_package_is_not(
    backend: str, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", backend)
    leave_backend_of_kernel()
    assert ("MPLBACKEND" in os.environ) is kept


def test_metrics_load_under_the_backend_of_another_kernel() -> None:
    code = "from seqlab.process import leave_backend_of_kernel as leave; leave(); import torchmetrics"
    environment = os.environ | {"MPLBACKEND": "module://not_there_inline.backend"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
