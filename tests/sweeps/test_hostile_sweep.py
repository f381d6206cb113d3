"""Sweep files made to harm, and what a sweep keeps of secrets."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seqlab.errors import UserError
from seqlab.privacy import HIDDEN
from seqlab.sweeps.optuna_engine import open_study
from seqlab.sweeps.report import write_report
from seqlab.sweeps.sweep_file import read_sweep
from seqlab.sweeps.trials import Trial

EVIL = "'\"></pre><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system [touch ran]", "!!python/name:os.system", "!x y"]
)
def test_tags_of_yaml_build_nothing(tmp_path: Path, tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "sweep.yaml"
    path.write_text(f"method: {tag}\n", encoding="utf-8")
    with pytest.raises(UserError, match="no YAML: could not determine a constructor for the tag"):
        read_sweep(path)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("values", ["&a [1, *a]", "laughs"])
def test_aliases_of_aliases_are_refused(tmp_path: Path, values: str) -> None:
    if values == "laughs":  # ten to the power of nine values in a few hundred letters
        levels = [f"    - &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)]
        values = f"\n    - &a0 [1, 2]\n{''.join(levels)}"
    path = tmp_path / "sweep.yaml"
    path.write_text(f"method: random\nparameters:\n  optimizer.lr:\n    values: {values}\n", encoding="utf-8")
    with pytest.raises(UserError, match="more than 100,000 values, those counted that aliases repeat"):
        read_sweep(path)


def test_the_page_of_a_sweep_shows_text_as_text_and_no_secret(
    tmp_path: Path, sweep_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SERVICE_TOKEN", "variable-planted")
    path = sweep_file(description=f"{EVIL} variable-planted")
    path.write_text(f"{path.read_text(encoding='utf-8')}\nname: {json.dumps(EVIL)}\n", encoding="utf-8")
    sweep = read_sweep(path)
    trials = [
        Trial(0, {"optimizer.lr": 0.01}, "finished", 0.5),
        Trial(1, {"optimizer.lr": EVIL}, EVIL, error=EVIL),
    ]
    command = f"train.py data.path={tmp_path}/x +x.token=word-planted +y={EVIL}"
    write_report(tmp_path / "page.html", sweep, trials[:1], {"": command}, [])
    write_report(tmp_path / "two.html", sweep, [trials[1]], {}, [(EVIL, EVIL)])
    for name in ("page.html", "two.html"):
        page = (tmp_path / name).read_text(encoding="utf-8")
        assert "<script" not in page
        assert "<img src=x" not in page
        assert "planted" not in page
    assert "data.path=~/x +x.token=***" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_address_of_a_storage_is_told_without_its_password(sweep_file: Callable[..., Path]) -> None:
    sweep = read_sweep(sweep_file())
    with pytest.raises(UserError) as caught:
        open_study(sweep, "nonsense://bob:planted@host/db", "name", {}, 0)
    assert f"--storage nonsense://{HIDDEN}@host/db" in str(caught.value)
    assert "planted" not in str(caught.value)
