"""Text that would steer a terminal, run in a browser or in a spreadsheet, in every place that shows data."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.alerts.alert import Alert, Count, Guess, LineRef, Surprise
from seqlab.alerts.notices import Notices
from seqlab.cli import main
from seqlab.errors import escaped, escaped_json, printed
from seqlab.results.outcome import ResultTable
from seqlab.sweeps.table import tell_ended
from seqlab.sweeps.trials import Trial
from seqlab.training.whole_table import print_results

STEERS = "\x1b[2J\x1b]0;title\x07\x9b31m\r\x08\u202e"  # clears the screen, sets its title, colors, goes back
MARKUP = "[red]label[/red]"
HTML = (
    "\"'></script><script>document.body.dataset.ran=1</script><img src=x onerror=document.body.dataset.ran=1>"
)
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def test_alerts_on_a_terminal_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    alert = Alert(
        id=STEERS,
        block=STEERS,
        score_name="nll_max",
        score=2.0,
        threshold=1.0,
        status="closed",
        reason="idle",
        events=1,
        first_time=None,
        last_time=None,
        surprise=Surprise(1, STEERS, STEERS, 2.0, 3, unseen=False),
        expected=(Guess(STEERS, STEERS, 0.5),),
        counts=(Count(STEERS, STEERS, 2),),
        lines=(LineRef(1, STEERS, 0, STEERS),),
    )
    assert not CONTROL.search(alert.to_text())
    assert not CONTROL.search(alert.to_json())
    assert json.loads(alert.to_json())["block"] == STEERS
    for as_json in (False, True):
        Notices(STEERS, as_json=as_json).say("drift", f"drift:\n {STEERS}", example=STEERS)
        assert not CONTROL.search(capsys.readouterr().err)


def test_json_and_text_of_any_kind() -> None:
    assert json.loads(escaped_json(json.dumps([STEERS, "한국어", "\udc80"], ensure_ascii=False))) == [
        *(STEERS, "한국어", "\udc80")
    ]
    assert escaped("한국어\t\n") == "한국어\t\n"


def test_data_is_escaped_on_a_terminal_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(STEERS) == STEERS
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert not CONTROL.search(printed(STEERS))


def test_the_table_of_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    name = f"{MARKUP}{STEERS}"
    table = ResultTable(
        title=name,
        columns=(name,),
        model_rows=[(name, [0.5])],
        baseline_rows=[(name, [0.5])],
        notes=[(name, name)],
        warnings=[name],
        examples=[name],
    )
    print_results(table, {f"val/{name}": 0.5})
    said = capsys.readouterr().out
    assert not CONTROL.search(said)
    assert said.replace("\n", "").count(MARKUP) == 8


def test_the_trials_of_a_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    class Named:
        metric, goal = f"val/{STEERS}", "minimize"

    trial = Trial(0, {f"x{STEERS}": STEERS}, f"crashed{STEERS}", 0.5, error=STEERS)
    tell_ended(Named, trial, [trial])  # type: ignore[arg-type]
    assert not CONTROL.search(capsys.readouterr().out)


def test_lines_taken_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "app.log"
    line = f"081109 203615 148 INFO dfs.DataNode: block blk_1 {STEERS}{MARKUP}"
    log.write_text(f"{line}\n" * 3, encoding="utf-8")
    assert main(["parse", str(log), "--try", "--format", "hdfs"]) == 0
    assert main(["parse", str(log), "--output", str(tmp_path / "parsed")]) == 0
    said = capsys.readouterr().out
    assert MARKUP in said
    assert not CONTROL.search(said)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, call: Callable[..., Any]) -> Any:
    """A classifier of texts whose labels and texts attack whatever shows them."""
    folder = tmp_path_factory.mktemp("hostile")
    labels = [f"a{MARKUP}{HTML}", f"b{STEERS}", r"=c$\frac{$"]
    rows = [f"{number % 3} w{number % 5} {HTML.replace(chr(34), '')},{number % 3}" for number in range(90)]
    path = folder / "texts.csv"
    quoted = ['"' + label.replace('"', '""') + '"' for label in labels]
    lines = ["text,label", *(f"{row[:-1]}{quoted[int(row[-1])]}" for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    settings = (
        "model=classifier",
        f"data.path={path}",
        "trainer.max_epochs=1",
        "model.network.hidden_size=4",
    )
    return call(folder / "run", *settings, "trainer.enable_progress_bar=false", "safe_csv=true")


def test_labels_of_a_run_are_text_wherever_they_stand(run: Any) -> None:
    assert run.code == 0
    assert not CONTROL.search(run.said)
    assert "<img" not in run.report
    assert run.report.count("<script") == run.report.count("</script") == 1, "the page's own"
    assert "\x1b" not in (run.folder / "train.log").read_text(encoding="utf-8")
    lines = (run.folder / "scores.csv").read_text(encoding="utf-8")
    assert "'=c$" in lines
    assert not re.search(r"(^|,)=c", lines, flags=re.MULTILINE)


@pytest.mark.soak  # a browser
def test_nothing_of_a_label_runs_in_a_browser(run: Any, tmp_path: Path, browser_flags: list[str]) -> None:
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no browser is on the PATH")
    assert main(["compare", str(run.folder), "--html", str(tmp_path / "compare.html")]) == 0
    for page in (run.folder / "report.html", tmp_path / "compare.html"):
        words = [browser, *browser_flags, f"--user-data-dir={tmp_path}", "--dump-dom", page.as_uri()]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert "</html>" in done.stdout
        assert "data-ran" not in done.stdout
