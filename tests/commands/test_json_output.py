import json
import math
import sys
from pathlib import Path

import pandas as pd
import pytest

from seqlab.commands.json_output import others_aside, print_json
from seqlab.commands.predict import _write


def test_no_finite_number_is_null_and_nothing_steers_a_terminal(capsys: pytest.CaptureFixture) -> None:
    print_json({"a": [math.nan, 1.5], "path": Path("runs/a"), 3: "\x9b31m 한"})
    said = capsys.readouterr().out
    assert "\x9b" not in said
    assert json.loads(said) == {"a": [None, 1.5], "path": "runs/a", "3": "\x9b31m 한"}


def test_what_else_is_said_goes_to_standard_error(capsys: pytest.CaptureFixture) -> None:
    with others_aside(True):
        print("while it runs")
    with others_aside(False):
        print("as ever")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("as ever\n", "while it runs\n")
    assert sys.stdout is not sys.stderr


def test_predictions_are_an_object_a_line(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["Kim", "김"], "probability": [0.25, math.nan]})
    lines = (_write(table, None, is_json=True) or "").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"name": "Kim", "probability": 0.25},
        {"name": "김", "probability": None},
    ]
    _write(table, tmp_path / "out.json", is_json=True)
    assert (tmp_path / "out.json").read_text(encoding="utf-8").splitlines() == lines
