"""``seqlab compare RUN... | SWEEPDIR``: runs beside each other in one table, files or an offline page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.commands.checkpoint_argument import add_safe_csv
from seqlab.commands.json_output import add_json, print_json

if TYPE_CHECKING:
    from seqlab.comparing.comparison import Comparison

STANDARD_OUTPUT = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs",
        nargs="*",
        type=Path,
        metavar="RUN",
        help="run folders, or folders that hold runs at any depth, such as a sweep's",
    )
    parser.add_argument(
        "--wandb", metavar="PROJECT", help="read the runs of a W&B project: PROJECT or ENTITY/PROJECT"
    )
    parser.add_argument(
        "--metrics",
        nargs="+",
        default=[],
        metavar="PATTERN",
        help="figures to show, such as test/f1 'test/*/auroc' 'timing/*'; otherwise test/ figures",
    )
    parser.add_argument(
        "--paired",
        nargs=2,
        type=int,
        metavar="ROW",
        help="test two rows against each other on the same test items; two rows alone are tested unasked",
    )
    parser.add_argument(
        "--diff",
        nargs=2,
        type=int,
        metavar="ROW",
        help="every setting that the first runs of two rows do not have alike",
    )
    parser.add_argument("--csv", metavar="FILE", help="write the whole table; - is standard output")
    add_safe_csv(parser)
    parser.add_argument("--markdown", metavar="FILE", help="write the whole table; - is standard output")
    parser.add_argument(
        "--html",
        nargs="?",
        const="compare.html",
        metavar="FILE",
        help="write a page that sorts, filters and draws; compare.html without a name",
    )
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from seqlab.comparing.comparison import compare_runs
    from seqlab.comparing.paired import paired_test
    from seqlab.comparing.runs import find_run_folders, read_runs
    from seqlab.errors import UserError, escaped

    if bool(arguments.runs) == bool(arguments.wandb):
        raise UserError(
            "give run folders, or --wandb PROJECT, one of the two, and folders before the options: "
            "seqlab compare runs/multirun/2026-01-31_12-00-00 --metrics test/f1 --html"
        )
    for option in ("csv", "markdown", "html"):
        _check_target(option, getattr(arguments, option))
    if arguments.csv == arguments.markdown == STANDARD_OUTPUT:
        raise UserError("--csv - --markdown -: both would go to standard output; give one of them a file")
    if arguments.json and STANDARD_OUTPUT in {arguments.csv, arguments.markdown}:
        raise UserError("--json and a file named -: both would go to standard output; give the file a name")
    if arguments.wandb:
        from seqlab.comparing.wandb_runs import fetch_runs

        runs, notices = fetch_runs(arguments.wandb, with_curves=arguments.html is not None)
    else:
        runs, notices = read_runs(find_run_folders(arguments.runs))
    comparison = compare_runs(runs, arguments.metrics, notices)
    alike = len(comparison.rankings) == 1 or arguments.paired is not None
    paired = paired_test(comparison.groups, arguments.paired) if alike else []
    apart = _settings_apart(comparison, arguments.diff) if arguments.diff else []
    if arguments.json:
        print_json(_record(comparison, paired, apart))
    elif STANDARD_OUTPUT in {arguments.csv, arguments.markdown}:
        for notice in comparison.notices:
            print(escaped(f"note: {notice}"), file=sys.stderr)
    else:
        from seqlab.comparing.table import print_apart, print_tables

        print_tables(comparison)
        print(escaped("".join(f"\n{line}" for line in paired)), end="\n" if paired else "")
        if arguments.diff:
            print_apart(arguments.diff, apart)
    _write(arguments, comparison, paired)
    return 0


def _settings_apart(comparison: Comparison, rows: list[int]) -> list[tuple[str, str, str]]:
    """Name and both values of each setting that two rows do not have alike."""
    from seqlab.comparing.groups import settings_apart
    from seqlab.comparing.table import setting_text
    from seqlab.errors import UserError

    groups = comparison.groups
    for row in rows:
        if not 1 <= row <= len(groups):
            raise UserError(f"--diff {row}: the tables have rows 1 to {len(groups)}; give two of them")
    first, second = (groups[row - 1].runs[0] for row in rows)
    return [
        (key, setting_text(one), setting_text(other)) for key, one, other in settings_apart(first, second)
    ]


def _record(
    comparison: Comparison, paired: list[str], apart: list[tuple[str, str, str]]
) -> dict[str, object]:
    """What ``--json`` prints: the tables with figures at full precision, per row its runs."""
    from dataclasses import asdict

    tables = []
    for ranking in comparison.rankings:
        rows = [
            {
                "row": number,
                "settings": group.settings,
                "figures": {
                    metric: asdict(figure)
                    for metric in ranking.metrics
                    if (figure := group.figure(metric)) is not None
                },
                "runs": [
                    {"name": run.name, "folder": run.folder, "seed": run.seed, "state": run.state}
                    for run in group.runs
                ],
            }
            for number, group in ranking.numbered
        ]
        tables.append({"title": ranking.title, "monitor": ranking.monitor, "rows": rows})
    return {"tables": tables, "notes": comparison.notices, "paired": paired, "diff": apart}


def _check_target(option: str, name: str | None) -> None:
    from seqlab.errors import UserError

    if name is None or (name == STANDARD_OUTPUT and option != "html"):
        return
    path = Path(name)
    if path.is_dir():
        hint = "; --html takes the next word as its file: put RUN before it" if option == "html" else ""
        raise UserError(f"--{option} {name} is a folder: give the name of a file{hint}")
    if not path.absolute().parent.is_dir():
        raise UserError(f"--{option} {name}: the folder {path.parent} does not exist")


def _write(arguments: argparse.Namespace, comparison: Comparison, paired: list[str]) -> None:
    from seqlab.comparing.table import to_csv, to_markdown

    if arguments.csv:
        _put("csv", arguments.csv, to_csv(comparison, safe=arguments.safe_csv))
    if arguments.markdown:
        _put("markdown", arguments.markdown, to_markdown(comparison))
    if arguments.html:
        from seqlab.comparing.page import render_comparison

        _put("html", arguments.html, render_comparison(comparison, paired, Path(arguments.html).parent))


def _put(option: str, name: str, content: str) -> None:
    from seqlab.errors import UserError, printed
    from seqlab.report.page import write_page

    if name == STANDARD_OUTPUT:
        sys.stdout.write(printed(content))
        return
    try:
        write_page(name, content)
    except OSError as error:
        raise UserError(f"--{option} {name}: cannot be written: {error.strerror}") from None
    print(f"{option}: {name}", file=sys.stderr)
