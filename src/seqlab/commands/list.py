"""``seqlab list [FOLDER]``: the runs below a folder, newest first, and the command that goes on with each."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlab.commands.json_output import add_json, print_json

if TYPE_CHECKING:
    from seqlab.comparing.runs import Run

SHOWN = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", nargs="?", type=Path, default=Path("runs"), help="where runs lie, at any depth; runs"
    )
    parser.add_argument("--all", action="store_true", help=f"every run; the newest {SHOWN} without it")
    parser.add_argument("--tag", metavar="TAG", help="runs with this tag alone")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from seqlab.comparing.runs import find_run_folders, read_runs
    from seqlab.errors import UserError, escaped

    found, notices = read_runs(find_run_folders([arguments.folder]))
    for notice in notices:
        print(escaped(f"note: {notice}"), file=sys.stderr)
    if arguments.tag is not None:
        if not any(arguments.tag in run.tags for run in found):
            known = sorted({tag for run in found for tag in run.tags})
            raise UserError(f"--tag {arguments.tag}: no run has it; their tags: {', '.join(known) or 'none'}")
        found = [run for run in found if arguments.tag in run.tags]
    found.sort(key=lambda run: (run.started_at, run.name), reverse=True)
    if arguments.json:
        print_json([_record(run) for run in found])
        return 0
    shown = found if arguments.all else found[:SHOWN]
    if shown:
        _print_table(shown)
    if len(found) > len(shown):
        print(f"{len(found) - len(shown):,} older runs: --all")
    for run in shown:
        if run.why:
            print(escaped(f"failed: {run.folder}: {run.why}"))
    if open_runs := [run for run in shown if run.command]:
        print("to go on with what was stopped or has failed:")
        for run in open_runs:
            print(escaped(f"  {run.command}"))
    return 0


def _record(run: Run) -> dict[str, Any]:
    from datetime import datetime

    metric = run.monitor[0] if run.monitor else ""
    return {
        "folder": str(run.folder),
        "name": run.label,
        "notes": str(run.config.get("notes") or ""),
        "tags": run.tags,
        "model": run.choices.get("model"),
        "data": run.choices.get("data"),
        "seed": run.seed,
        "state": run.state,
        "why": run.why,
        "started": datetime.fromtimestamp(run.started_at).astimezone().isoformat(timespec="seconds"),
        "monitor": metric,
        "value": (run.metrics or {}).get(metric),
        "command": run.command,
        "report": run.report,
    }


def _print_table(runs: list[Run]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from seqlab.errors import escaped
    from seqlab.report.tables import format_number

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=200)  # a pipe gets whole paths
    rows = []
    for record, run in ((_record(run), run) for run in runs):
        judged = (
            f"{record['monitor']} {format_number(record['value'])}" if record["value"] is not None else "–"
        )
        called = " ".join([run.label, *(f"#{tag}" for tag in run.tags)]).strip()
        kind = f"{record['model'] or '?'} on {record['data'] or '?'}"
        begun = record["started"][:16].replace("T", " ")
        rows.append([begun, run.state, kind, str(run.seed), judged, called, record["folder"]])
    headings = ["begun", "state", "model and data", "seed", "judged by", "name", "folder"]
    kept = [n for n, name in enumerate(headings) if name != "name" or any(row[n] for row in rows)]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1), pad_edge=False)
    for n in kept:
        table.add_column(headings[n], overflow="fold", no_wrap=headings[n] in ("begun", "state", "judged by"))
    for row in rows:
        table.add_row(*(escaped(row[n]) for n in kept))
    console.print(table)
