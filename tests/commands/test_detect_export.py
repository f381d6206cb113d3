"""``seqlab detect`` on an export, in processes that load no torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.cli import main

Detect = Callable[..., tuple[int, list[dict[str, Any]], str]]


def python(*arguments: str | Path, root: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(root / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], env=environment, capture_output=True, text=True, check=False
    )


WATCHED = """
import sys
from seqlab.cli import main
code = main(sys.argv[1:])
heavy = {"torch", "pytorch_lightning", "lightning", "hydra", "pandas", "scipy", "matplotlib"}
print(code, sorted(heavy & {name.split(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.mark.parametrize("model", [(), ("model=gru_ae",)])
def test_an_export_gives_the_same_alerts_without_torch(
    model: tuple[str, ...],
    detect: Detect,
    checkpoint: Callable[..., Path],
    sample_log: Any,
    tmp_path: Path,
    root: Path,
) -> None:
    folder = tmp_path / "export"
    assert main(["export", str(checkpoint(*model)), "--format", "onnx", "--output", str(folder)]) == 0
    settings = json.loads((folder / "settings.json").read_text())
    for score in ("nll_max", "combined"):
        settings["judge"]["main_score"] = score
        (folder / "settings.json").write_text(json.dumps(settings))
        alerts = detect(checkpoint(*model, score=score), sample_log.log)[1]
        expected = {alert["block"]: alert for alert in alerts}
        done = python("-c", WATCHED, "detect", "--onnx", folder, sample_log.log, "--json", root=root)
        assert done.stderr.splitlines()[-1] == "0 []"
        found = {alert["block"]: alert for alert in map(json.loads, done.stdout.splitlines())}
        assert found.keys() == expected.keys()
        for block, alert in found.items():
            assert alert["score"] == pytest.approx(expected[block]["score"], rel=1e-5, abs=1e-5)
            assert alert["surprise"]["position"] == expected[block]["surprise"]["position"]
            assert alert["lines"] == expected[block]["lines"]


def test_help_imports_nothing_heavy(root: Path) -> None:
    for command in ("detect", "explain"):
        code = f"""
import sys
from seqlab.cli import main
try:
    main([{command!r}, "--help"])
except SystemExit:
    print(sorted({{"torch", "numpy", "polars", "hydra"}} & set(sys.modules)))
"""
        done = python("-c", code, root=root)
        assert done.stdout.splitlines()[-1] == "[]"
