"""docs/results.md: made of the record alone, from runs that exist; what is worse than something says so."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from omegaconf import DictConfig

from tests.records import entry

Compose = Callable[..., DictConfig]


@pytest.fixture(scope="module")
def page(results: ModuleType) -> ModuleType:
    """benchmarks/results_page.py."""
    return sys.modules["benchmarks.results_page"]


RUNS = {"ours": {"seeds": [0, 1]}, "other": {"seeds": [0]}}
ROWS = [
    {"run": "ours", "name": "ours"},
    {"run": "other", "name": "other"},
    {"run": "ours", "kind": "trivial", "name": "no network", "parts": ["baseline/counts", "baseline/length"]},
    {"kind": "published", "name": "paper", "values": {"F1": 0.9}, "source": "2020", "than": ["other"]},
]
F1 = {"name": "F1", "key": "{part}/f1", "decimals": 2, "better": "higher"}
RECORD = {
    "ours": {
        "0": entry(test__f1=0.7, baseline__counts__f1=0.8, baseline__length__f1=0.1),
        "1": entry(test__f1=0.8, baseline__counts__f1=0.82, baseline__length__f1=0.1),
        "earlier commit": {"seeds": [0, 1], "figures": {"test/f1": "0.5 ± 0.1"}},
    },
    "other": {"0": entry(test__f1=0.85, test__f1__ci_low=0.802, test__f1__ci_high=0.899)},
}


def test_a_table_marks_what_is_worse_than_no_network_and_than_what_was_published(page: ModuleType) -> None:
    lines = page.table_text({"rows": ROWS, "columns": [F1]}, RUNS, RECORD).splitlines()
    assert lines == [
        "| run | seeds | F1 |",
        "|---|---|---|",
        "| ours | 0, 1 | 0.75 ± 0.07 ↓ |",
        "| other | 0 | 0.85 [0.80, 0.90] ‡ |",
        "| no network, `counts` | 0, 1 | 0.81 ± 0.01 |",
        "| no network, `length` | 0, 1 | 0.10 |",
        "| paper (2020) |  | 0.9 |",
        "",
        "↓ Worse than the best row without a network: 1 of 2 rows in F1 (`counts`, 0.81 ± 0.01).  ",
        "‡ Worse than published: 1 of 1 rows in F1 (paper, 0.9).  ",
        "Runs: commit `abc`, 2026-01-02, CPU, 2 cores, threads: 1, torch 2.13.0; "
        "training took 12 to 12 s a run.",
    ]


@pytest.mark.parametrize(
    ("better", "key", "marked"),
    [("higher", "ours", True), ("lower", "ours", False), ("higher", "same", False), ("lower", "same", False)],
)
def test_worse_is_by_direction_and_as_exact_as_shown(
    page: ModuleType, better: str, key: str, marked: bool
) -> None:
    record = {"other": {"0": entry(ours=0.5, same=0.8049, baseline__a__f1=0.1, baseline__b__f1=0.8)}}
    columns = [
        {"name": "value", "key": key, "decimals": 2, "better": better, "beside": "best"},
        {"name": "best", "best": "baseline/*/f1", "decimals": 2, "better": "higher"},
    ]
    text = page.table_text({"rows": [{"run": "other", "name": "x"}], "columns": columns}, RUNS, record)
    value = "0.50" if key == "ours" else "0.80"
    assert f"| x | 0 | {value}{' ↓' if marked else ''} | 0.80 (`b`) |" in text.splitlines()
    assert ("No row is worse than the best row without a network." in text) != marked


def test_an_earlier_figure_stands_as_it_stood_until_all_seeds_are_there(page: ModuleType) -> None:
    record = {"ours": {seed: RECORD["ours"][seed] for seed in ("0", "earlier commit")}}
    text = page.table_text({"rows": ROWS[:1], "columns": [F1]}, RUNS, record)
    assert "| ours † | 0, 1 | 0.5 ± 0.1 |" in text
    assert "† from an earlier commit" in text
    assert "Runs:" not in text
    with pytest.raises(SystemExit, match="run it: make results DATA=FOLDER ARGS=other"):
        page.table_text({"rows": ROWS[1:2], "columns": [F1]}, RUNS, record)


def test_the_page_is_what_record_and_template_give(results: ModuleType, page: ModuleType, root: Path) -> None:
    text = page.page_text(page.read_tables(), results.read_record())
    written = (root / "docs" / "results.md").read_text(encoding="utf-8")
    assert text == written, "docs/results.md is written by `make results ARGS=--record-only`, not by hand"


def test_the_record_holds_the_seeds_of_known_runs_and_says_where_each_comes_from(
    results: ModuleType, page: ModuleType
) -> None:
    runs, record = page.read_tables()["runs"], results.read_record()
    of_layers = results.layer_runs()
    assert record.keys() - of_layers.keys() == runs.keys()
    runs = runs | of_layers
    assert results.RECORD.read_text(encoding="utf-8") == results.record_text(record)
    for name, seeds in record.items():
        assert seeds.keys() <= {*map(str, runs[name]["seeds"]), "earlier commit"}, name
        for seed, found in seeds.items():
            assert found["figures"], name
            if seed != "earlier commit":
                assert found.keys() == entry().keys(), name
                assert not found["commit"].endswith("-dirty"), name


def test_every_run_composes_and_names_its_files(composed: Compose, page: ModuleType) -> None:
    tables = page.read_tables()
    differing = {  # one of those that set the same
        tuple(
            word if word.startswith(("model=", "experiment=")) else word.split("=")[0] for word in words
        ): name
        for name, run in tables["runs"].items()
        for words in [[*run["overrides"].split(), *tables["data"].get(run.get("data"), ())]]
    }
    for name in differing.values():
        run = tables["runs"][name]
        seeds = f"{run.get('seed_key', 'seed')}={run['seeds'][0]}"
        files = page.files_of(tables["data"][run["data"]], "/data", "labels.csv") if "data" in run else []
        config = composed(*run["overrides"].split(), seeds, *files)
        assert config.test, name
        assert ("data" in run) == any("/data/" in str(value) for value in config.data.values()), name


def needed(results: ModuleType, name: str, tables: dict[str, Any]) -> set[str]:
    """The keys that no run may lack."""
    kept = {
        title: table | {"columns": [column for column in table["columns"] if not column.get("may_lack")]}
        for title, table in tables["tables"].items()
    }
    return results.needed_keys(name, tables | {"tables": kept})


TINY = (
    "trainer.max_epochs=1",
    "trainer.check_val_every_n_epoch=1",
    "trainer.enable_progress_bar=false",
    "logger=[]",
)
SMALL = {
    "hdfs_gru": ["data.sample.num_blocks=60", "model.network.hidden_size=8"],
    "hdfs_gru_ae": ["data.sample.num_blocks=60", "model.network.hidden_size=8"],
    "stock_lstm": ["data.sample.num_days=120", "data.reverse=false"],
    "longseq": [],
    "sample_seq2seq": ["data.sample.num_pairs=60"],
    "names": ["data.sample.num_names=120", "model.network.num_readers=1", "model.network.hidden_size=8"],
    "wnut17": ["data.sample.num_sentences=60"],
}
LONG = ("hdfs_gru", "hdfs_gru_ae", "longseq")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.soak] if name in LONG else []) for name in SMALL]
)
def test_a_run_gives_every_figure_that_the_page_shows_of_it(
    name: str, results: ModuleType, page: ModuleType, call: Callable[..., Any], tmp_path: Path
) -> None:
    tables = page.read_tables()
    run = call(tmp_path / "run", *tables["runs"][name]["overrides"].split(), *TINY, *SMALL[name])
    assert run.code == 0, run.said
    keys = {key for key in needed(results, name, tables) if not key.startswith(("parts/", "written/"))}
    assert {key for key in keys if not any(page.is_plain(each, key) for each in run.metrics)} == set()


def test_what_is_recorded_of_a_run_holds_every_figure_that_the_page_shows(
    results: ModuleType, page: ModuleType
) -> None:
    tables, record = page.read_tables(), results.read_record()
    tables["runs"] |= results.layer_runs()
    for name, seeds in record.items():
        for found in (found for seed, found in seeds.items() if seed != "earlier commit"):
            shown = needed(results, name, tables)
            assert {
                key for key in shown if not any(page.is_plain(each, key) for each in found["figures"])
            } == set()


def test_only_other_files_than_the_record_and_the_page_make_a_commit_dirty(
    results: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = {"ROOT": ".", "RECORD": "results.json", "PAGE": "results.md"}
    for name, path in names.items():
        monkeypatch.setattr(results, name, tmp_path / path)
    for path in ("results.json", "results.md", "code.py"):
        (tmp_path / path).write_text("1\n", encoding="ascii")
    identity = ("-c", "user.name=n", "-c", "user.email=e")
    for words in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "all")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    commit = results.head()
    assert re.fullmatch("[0-9a-f]{12}", commit)
    for path, told in (("results.json", commit), ("results.md", commit), ("code.py", f"{commit}-dirty")):
        (tmp_path / path).write_text("2\n", encoding="ascii")
        assert results.head() == told


def test_finished_runs_are_recorded_and_what_lacks_its_files_is_said(
    results: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(results, "RECORD", tmp_path / "results.json")
    monkeypatch.setattr(results, "head", lambda: "abc")
    earlier = {"seeds": [0], "figures": {"test/f1": "0.5"}}
    results.RECORD.write_text(json.dumps({"done": {"earlier commit": earlier}}), encoding="utf-8")
    folder = tmp_path / "runs/results/done/0"
    folder.mkdir(parents=True)
    metrics = {"test/f1": 2 / 3, "test/f1/ci_low": 0.5, "test/other": 1.0, "timing/fit_seconds": 1.26}
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    environment = {"commit": "abc-dirty", "cpu_threads": 1, "gpus": [], "versions": {"torch": "2.13.0"}}
    (folder / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
    tables = {
        "data": {"files": {"data.path": "there/not.csv"}},
        "runs": {
            "done": {"overrides": "", "seeds": [0]},
            "not": {"data": "files", "overrides": "", "seeds": [0, 1]},
        },
        "tables": {"only": {"rows": [{"run": "done"}], "columns": [{"key": "{part}/f1"}]}},
    }
    results.run_missing(["done", "not"], tables, tmp_path / "data", again=False)
    found = results.read_record()
    assert found.keys() == {"done"}
    assert found["done"].keys() == {"0"}
    assert found["done"]["0"]["figures"] == {"test/f1": 0.666667, "test/f1/ci_low": 0.5}
    assert found["done"]["0"]["seconds"] == 1.3
    assert found["done"]["0"]["commit"] == "abc"  # its own record alone made the tree dirty
    assert capsys.readouterr().out == f"not: not run, DATA={tmp_path / 'data'} lacks there/not.csv\n"


@pytest.mark.soak
def test_a_real_run_is_trained_once_and_a_stopped_one_goes_on(
    results: ModuleType, page: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(results, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(results, "RECORD", tmp_path / "results.json")
    results.RECORD.write_text("{}", encoding="utf-8")
    tables = page.read_tables()
    tables["runs"]["hihello"]["seeds"] = [0]
    results.run_missing(["hihello"], tables, None, again=False)
    first = results.read_record()
    assert 0 < first["hihello"]["0"]["figures"]["test/loss"] < 0.01
    folder = tmp_path / "runs/hihello/0"
    (folder / "metrics.json").unlink()  # as if it had been stopped after its last epoch
    results.RECORD.write_text("{}", encoding="utf-8")
    results.run_missing(["hihello"], tables, None, again=False)
    assert "resumed" in json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    assert results.read_record()["hihello"]["0"]["figures"] == first["hihello"]["0"]["figures"]
    (folder / "metrics.json").unlink()
    results.run_missing(["hihello"], tables, None, again=False)
    assert not (folder / "metrics.json").exists(), "a recorded seed is not trained again"


def test_labels_come_from_the_file_that_a_session_stands_in(results: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("a,1 2\nb,3\n", encoding="utf-8")
    (tmp_path / "bad.txt").write_text("c,1\n", encoding="utf-8")
    labels = {"data.train": "good.txt", "data.labels": {"Normal": ["good.txt"], "Anomaly": ["bad.txt"]}}
    results.write_labels(labels, tmp_path, tmp_path / "new" / "labels.csv")
    written = (tmp_path / "new" / "labels.csv").read_text(encoding="utf-8")
    assert written == "BlockId,Label\na,Normal\nb,Normal\nc,Anomaly\n"
    assert results.paths_in(labels) == ["good.txt", "good.txt", "bad.txt"]
