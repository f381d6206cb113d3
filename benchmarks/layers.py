"""Every kind of layers on every task of layers.yaml: its runs, which ``make results`` makes, and its tables.

    make results DATA=FOLDER ARGS="layers_names_*"      # of these runs alone

A run's name is layers_TASK_KIND.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.results_cells import NO_FIGURE, mean_text, shown_value

SPEC = Path(__file__).with_suffix(".yaml")


def read_spec() -> dict[str, Any]:
    """layers.yaml."""
    return yaml.safe_load(SPEC.read_text(encoding="utf-8"))


def run_name(task: str, kind: str) -> str:
    return f"layers_{task}_{kind}"


def overrides_of(spec: Mapping[str, Any], task: str, kind: str) -> str:
    """The command line of a kind of layers on a task, without files, seed and length."""
    settings = spec["tasks"][task]
    also = settings.get("also", spec["also"]).get(kind, "")
    size = f"model.network.hidden_size={settings['hidden_size'][kind]}"
    return f"{settings['overrides']} layers={kind} {size} {also}".strip()


def runs_of(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Runs as results.yaml has them; ``rate`` where training is to last so many minutes."""
    runs = {}
    for task, settings in spec["tasks"].items():
        for kind in spec["kinds"]:
            run = {
                "overrides": overrides_of(spec, task, kind),
                "data": settings["data"],
                "seeds": spec["seeds"],
                "minutes": settings["minutes"],
                "keep": [column["key"] for column in settings["columns"]],
            }
            if "rate" in settings:
                run["rate"] = settings["rate"]
            runs[run_name(task, kind)] = run
    return runs


def short_run(rate: Mapping[str, int]) -> list[str]:
    """The overrides of a run that measures a rate: one of equal parts of training and of validating."""
    limits = f"trainer.limit_train_batches={rate['steps']} trainer.limit_val_batches={rate['validations']}"
    return f"{limits} test=false trainer.max_epochs=1".split()


def length(rate: Mapping[str, int], minutes: float, seconds: float) -> list[str]:
    """The overrides that make training take so many minutes, where the short run took so many seconds."""
    steps = round(minutes * 60 * rate["steps"] / seconds)
    every = steps // max(1, round(steps / rate["epoch"]))
    checks = f"trainer.check_val_every_n_epoch=null trainer.val_check_interval={every}"
    return f"trainer.max_epochs=-1 trainer.max_steps={steps // every * every} {checks}".split()


def entries_of(record: Mapping[str, Any], task: str, kind: str) -> list[Mapping[str, Any]]:
    """What is recorded of its seeds."""
    return list(record.get(run_name(task, kind), {}).values())


def column_cells(
    spec: Mapping[str, Any], record: Mapping[str, Any], task: str, column: Mapping[str, Any]
) -> list[str]:
    """The heading and the cell of each kind: how many seeds where others have more; the best mean in bold."""
    found = [
        [entry["figures"][column["key"]] for entry in entries_of(record, task, kind)]
        for kind in spec["kinds"]
    ]
    most = max(len(values) for values in found)
    texts = [mean_text(values, column["decimals"]) if values else NO_FIGURE for values in found]
    shown = [shown_value(text) for text in texts if text != NO_FIGURE]
    best = (max if column["better"] == "higher" else min)(shown, default=None)
    cells = [f"{column['name']}; {most} seed{'s' * (most != 1)}" if most else column["name"]]
    for values, text in zip(found, texts, strict=True):
        few = f", {len(values)} of {most} seeds" if 0 < len(values) < most else ""
        is_best = text != NO_FIGURE and shown_value(text) == best
        cells.append(f"**{text}{few}**" if is_best else text + few)
    return cells


def seconds_cells(spec: Mapping[str, Any], record: Mapping[str, Any], task: str) -> list[str]:
    """Mean seconds of training of each kind."""
    found = [[entry["seconds"] for entry in entries_of(record, task, kind)] for kind in spec["kinds"]]
    return ["its training, s", *(f"{statistics.mean(each):,.0f}" if each else NO_FIGURE for each in found)]


def origin(spec: Mapping[str, Any], record: Mapping[str, Any], tasks: Sequence[str]) -> str:
    """Commits, dates and machine behind a table."""
    entries = [entry for task in tasks for kind in spec["kinds"] for entry in entries_of(record, task, kind)]
    texts = {
        part: ", ".join(sorted({str(entry[part]) for entry in entries}))
        for part in ("commit", "date", "machine", "threads", "torch")
    }
    text = "Runs: commit {commit}, {date}, {machine}, threads: {threads}, torch {torch}."
    return text.format_map(texts) if entries else "Nothing is recorded yet."


def table_text(spec: Mapping[str, Any], record: Mapping[str, Any], name: str) -> str:
    """One of the tables of layers.yaml as Markdown: a row for each kind."""
    tasks = spec["tables"][name]
    columns = [["layers", *(f"`{kind}`" for kind in spec["kinds"])]]
    for task in tasks:
        settings = spec["tasks"][task]
        columns += [column_cells(spec, record, task, column) for column in settings["columns"]]
        columns.append(seconds_cells(spec, record, task))
    head, *rows = [" | ".join(cells) for cells in zip(*columns, strict=True)]
    lines = [f"| {head} |", "|---" * len(columns) + "|", *(f"| {row} |" for row in rows)]
    return "\n".join([*lines, "", origin(spec, record, tasks)])
