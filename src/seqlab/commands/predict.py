"""``seqlab predict CHECKPOINT INPUT --output out.csv``: any task, from the checkpoint and new data alone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from seqlab.commands.checkpoint_argument import add_checkpoint, add_safe_csv

if TYPE_CHECKING:
    import pandas as pd


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, "checkpoints/best.ckpt of a run folder")
    parser.add_argument(
        "input", type=Path, help="a file as the model's own data reads it, or a folder of seqlab parse"
    )
    parser.add_argument("--output", type=Path, help="the CSV to write; standard output without it")
    add_safe_csv(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line in place of the CSV")


def run(arguments: argparse.Namespace) -> int:
    from seqlab.errors import UserError, missing_file, printed
    from seqlab.results.outcome import without_formulas
    from seqlab.training.checkpoints import load_task

    if not arguments.input.exists():
        raise missing_file(arguments.input)
    if arguments.output is not None and not arguments.output.absolute().parent.is_dir():
        raise UserError(f"{arguments.output}: the folder {arguments.output.parent} does not exist")
    if arguments.output is not None and arguments.output.is_dir():
        raise UserError(f"{arguments.output} is a folder: give the name of a file, such as out.csv")
    task, contents = load_task(arguments.checkpoint, arguments.trust)
    table = task.evaluation.predict(task, contents, arguments.input)
    if arguments.safe_csv:
        table = without_formulas(table)
    if arguments.output is None:
        print(printed(_write(table, None, is_json=arguments.json) or ""), end="")
        return 0
    part = arguments.output.with_name(f".part-{arguments.output.name}")  # its ending says whether to compress
    try:
        _write(table, part, is_json=arguments.json)
        part.replace(arguments.output)
    except OSError as error:
        raise UserError(f"{arguments.output}: cannot be written: {error.strerror}") from None
    print(f"{len(table):,} rows: {arguments.output}", file=sys.stderr)
    return 0


def _write(table: pd.DataFrame, path: Path | None, *, is_json: bool) -> str | None:
    """Into a file, or as text where ``path`` is None."""
    if is_json:
        return table.to_json(path, orient="records", lines=True, force_ascii=False, double_precision=10)
    return table.to_csv(path, index=False, float_format="%.10g")
