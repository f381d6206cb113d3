"""Every kind of layers on every task of layers.yaml: its runs, which ``make results`` makes, and its tables.

make results DATA=FOLDER ARGS="layers_names_*"      # of these runs alone: layers_TASK_KIND
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

SPEC = Path(__file__).with_suffix(".yaml")
NO_FIGURE = "–"


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


def entries_of(record: Mapping[str, Any], task: str, kind: str) -> dict[int, Mapping[str, Any]]:
    """What is recorded, by seed."""
    return {int(seed): entry for seed, entry in record.get(run_name(task, kind), {}).items()}


def cell(entries: Sequence[Mapping[str, Any]], key: str, decimals: int, most: int) -> str:
    """Mean ± standard deviation, how many seeds where others of the column have more."""
    values = [entry["figures"][key] for entry in entries]
    text = f"{statistics.mean(values):.{decimals}f}"
    if len(values) > 1:
        text += f" ± {statistics.stdev(values):.{decimals}f}"
    return text if len(values) == most else f"{text}, {len(values)} of {most} seeds"


def column_cells(
    spec: Mapping[str, Any], record: Mapping[str, Any], task: str, column: Mapping[str, Any]
) -> list[str]:
    """The heading and the cell of each kind; the best mean in bold."""
    found = {kind: list(entries_of(record, task, kind).values()) for kind in spec["kinds"]}
    means = {
        kind: statistics.mean(entry["figures"][column["key"]] for entry in entries)
        for kind, entries in found.items()
        if entries
    }
    most = max(len(entries) for entries in found.values())
    shown = {kind: round(mean, column["decimals"]) for kind, mean in means.items()}
    best = (max if column["better"] == "higher" else min)(shown.values(), default=None)
    cells = [f"{column['name']}; {most} seed{'s' * (most != 1)}" if most else column["name"]]
    for kind, entries in found.items():
        if not entries:
            cells.append(NO_FIGURE)
            continue
        text = cell(entries, column["key"], column["decimals"], most)
        cells.append(f"**{text}**" if shown[kind] == best else text)
    return cells


def seconds_cells(spec: Mapping[str, Any], record: Mapping[str, Any], task: str) -> list[str]:
    """Mean seconds of training of each kind."""
    found = [entries_of(record, task, kind).values() for kind in spec["kinds"]]
    means = [statistics.mean(entry["seconds"] for entry in each) if each else None for each in found]
    return ["its training, s", *(NO_FIGURE if mean is None else f"{mean:,.0f}" for mean in means)]


def origin(spec: Mapping[str, Any], record: Mapping[str, Any], tasks: Sequence[str]) -> str:
    """Commits, dates and machine behind a table."""
    entries = [
        entry for task in tasks for kind in spec["kinds"] for entry in entries_of(record, task, kind).values()
    ]
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
