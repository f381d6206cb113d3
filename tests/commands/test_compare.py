import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from seqlab.cli import main


def scores(right: str) -> str:
    lines = [f"n{n},A,{'A' if one == '1' else 'B'},0.9" for n, one in enumerate(right)]
    return "\n".join(["name,label,predicted,probability", *lines]) + "\n"


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A multirun of two learning rates and two seeds, and one run that has not finished."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "multirun" / "today"
    for number, (rate, seed, loss) in enumerate([(0.1, 0, 3.0), (0.1, 1, 5.0), (0.2, 0, 1.0), (0.2, 1, 2.0)]):
        config = {
            "seed": seed,
            "data": {"seed": seed},
            "optimizer": {"lr": rate},
            "monitor": {"metric": "val/loss", "mode": "min"},
        }
        run = folder / str(number)
        (run / ".hydra").mkdir(parents=True)
        record = {"config": config, "references": {"data.seed": "${seed}"}}
        choices = {"model": "gru", "data": "hdfs_window"}
        (run / "config.json").write_text(json.dumps(record | {"choices": choices, "overrides": []}))
        figures = {"val/loss": loss, "test/f1": loss / 10, "oracle/f1": 0.99}
        (run / "metrics.json").write_text(json.dumps(figures))
        (run / "scores.csv").write_text(scores("1" * 10 + ("1" * 9 + "0" if rate == 0.2 else "0" * 9 + "1")))
    return folder


def test_the_table_of_a_sweep(sweep: Path, capsys: pytest.CaptureFixture) -> None:
    (sweep / "3" / "metrics.json").unlink()
    (sweep / "1" / "metrics.json").write_text("{")
    assert main(["compare", str(sweep)]) == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 100
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert lines[0] == "gru on hdfs_window: 4 runs in 2 rows, best val/loss first (lowest)"
    assert "1 0.2 1 of 2 0.1000 1 2, 3" in lines
    assert "2 0.1 1 of 2 0.3000 3 0, 1" in lines
    assert "oracle" not in said
    assert "note: 1: metrics.json is broken: " in said
    assert "note: 2 of 4 runs are not finished: 1 (stopped), 3 (stopped)" in said


def test_two_rows_are_tested_on_the_same_items(sweep: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["compare", str(sweep)]) == 0
    unasked = capsys.readouterr().out
    assert "exact McNemar: 9 right in row 1 alone, 1 in row 2 alone, p = 0.02148" in unasked
    assert main(["compare", str(sweep), "--paired", "2", "1"]) == 0
    assert "exact McNemar: 1 right in row 2 alone, 9 in row 1 alone, p = 0.02148" in capsys.readouterr().out
    for run in sweep.iterdir():
        (run / "scores.csv").write_text(scores("11"))
    assert main(["compare", str(sweep)]) == 0
    assert "no paired test: 2 and 0 share 2 of 2 and 2 test items" in capsys.readouterr().out
    assert main(["compare", str(sweep), "--paired", "1", "2"]) == 2


def test_files_and_standard_output(sweep: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["compare", str(sweep), "--csv", "a.csv", "--markdown", "-", "--html"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[2] == "| # | optimizer.lr | seeds | test/f1 | val/loss |"
    assert pd.read_csv("a.csv")["val/loss"].tolist() == [1.5, 4.0]
    assert Path("compare.html").read_text().count("<script") == 2
    assert said.err.splitlines()[-2:] == ["csv: a.csv", "html: compare.html"]
    assert main(["compare", str(sweep), "--csv", "-"]) == 0
    assert capsys.readouterr().out.startswith("row,model,data,optimizer.lr,seeds,")


def test_settings_of_two_rows_and_the_whole_as_json(sweep: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["compare", str(sweep), "--diff", "1", "2"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "settings of row 1 and row 2 that are not alike: 1" in lines
    assert lines[-1] == "optimizer.lr 0.2 0.1"
    assert main(["compare", str(sweep), "--diff", "1", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (table,) = found["tables"]
    assert (table["title"], table["monitor"]) == ("gru on hdfs_window", ["val/loss", "min"])
    first = table["rows"][0]
    assert first["settings"]["optimizer.lr"] == 0.2
    assert first["figures"]["val/loss"]["mean"] == 1.5
    assert [run["folder"] for run in first["runs"]] == [str(sweep / "2"), str(sweep / "3")]
    assert found["diff"] == [["optimizer.lr", "0.2", "0.1"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give run folders, or --wandb PROJECT"),
        (["runs", "--wandb", "x"], "give run folders, or --wandb PROJECT"),
        (["nowhere"], "nowhere: no such folder"),
        (["--html", "runs"], "give run folders"),
        (
            ["runs", "--html", "runs"],
            "--html runs is a folder: give the name of a file; --html takes the next",
        ),
        (["runs", "--csv", "no/a.csv"], "--csv no/a.csv: the folder no does not exist"),
        (["runs", "--csv", "-", "--markdown", "-"], "both would go to standard output"),
        (["runs", "--paired", "1", "3"], "--paired 3: the table has rows 1 to 2"),
        (["runs", "--paired", "1", "1"], "give two different rows"),
        (["runs", "--diff", "1", "3"], "--diff 3: the tables have rows 1 to 2"),
        (["runs", "--json", "--csv", "-"], "both would go to standard output"),
        (["runs", "--metrics", "f1"], "--metrics f1: no run has such a figure"),
    ],
)
def test_a_mistake_is_one_line_and_code_two(
    sweep: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(["compare", *arguments]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert message in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_it_loads_neither_torch_nor_hydra(sweep: Path) -> None:
    code = (
        "import sys; from seqlab.cli import main; "
        f"main(['compare', {str(sweep)!r}, '--html', '--csv', 'a.csv']); "
        "print(sorted({'torch', 'hydra', 'omegaconf', 'matplotlib', 'scipy', 'wandb'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=sweep)
    assert done.stdout.splitlines()[-1] == "[]"
    assert re.search(r"^html: compare.html$", done.stderr, re.MULTILINE)
