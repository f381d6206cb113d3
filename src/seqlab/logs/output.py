"""What a parse leaves: sessions.parquet, templates.csv and, written last, parse.json."""

from __future__ import annotations

import csv
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from seqlab.data.parameters import PARAMETERS
from seqlab.data.sequences import LABEL_NAMES
from seqlab.errors import UserError
from seqlab.files import sync, whole_file
from seqlab.logs.masking import MASK, SHOWN
from seqlab.logs.unfinished import is_resumable, write_json

if TYPE_CHECKING:
    from seqlab.logs.parse_run import Parsed
    from seqlab.logs.parse_settings import ParseSettings

SESSIONS, TEMPLATES, SUMMARY = "sessions.parquet", "templates.csv", "parse.json"
PACKAGES = ("seqlab", "polars", "drain3", "numpy")


def make_output(output: Path) -> list[Path]:
    """Make the folder; returns what was made for it, the innermost first.

    Raises:
        UserError: no folder can be there.
    """
    if output.exists() and not output.is_dir():
        raise UserError(f"--output {output} is a file: give a folder")
    made = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output {output}: cannot be made: {error.strerror}") from None
    return made


def check_output(output: Path, *, resume: bool, overwrite: bool) -> None:
    """Refuse to replace what lies in the folder, unless that is asked for.

    Raises:
        UserError: a parse, or one that was ended early.
    """
    if is_resumable(output):  # whoever began it was asked about a parse beside it
        if not (resume or overwrite):
            raise UserError(
                f"{output} holds a parse that was ended early: --resume goes on with it, "
                "--overwrite begins anew"
            )
    elif (output / SUMMARY).exists() and not overwrite:
        raise UserError(f"{output} holds a parse already: give another --output, or --overwrite")


def remove_made(made: list[Path]) -> None:
    """Remove the folders that ``make_output`` made for a parse that was refused."""
    with suppress(OSError):  # somebody else has put something there
        for folder in made:
            folder.rmdir()


def check_labels(path: Path | None) -> dict[str, int] | None:
    """{session: LABEL_NORMAL or LABEL_ABNORMAL} of a label file."""
    from seqlab.data.session_tables import read_labels

    return None if path is None else read_labels(path)


def finish_rows(rows: pl.DataFrame, labels: dict[str, int] | None, found: dict[str, int]) -> pl.DataFrame:
    """Rows of sessions.parquet, with labels where there are some; ``found`` counts them."""
    if labels is not None:
        known = [labels.get(session) for session in rows["session"].to_list()]
        label = pl.Series(
            "label", [None if value is None else LABEL_NAMES[value] for value in known], pl.String
        )
    elif "abnormal" in rows.columns:
        label = (
            rows["abnormal"].cast(pl.Int8).replace_strict(LABEL_NAMES, return_dtype=pl.String).alias("label")
        )
    else:
        label = pl.Series("label", [None] * len(rows), pl.String)
    for name, count in label.value_counts().iter_rows():
        found[name or "unknown"] = found.get(name or "unknown", 0) + count
    return rows.with_columns(label).select(
        "session", "keys", "label", "first_time", "last_time", "line_offsets", "times"
    )


def shown_template(tokens: list[str]) -> str:
    """A template as people write it."""
    return " ".join(tokens).replace(MASK, SHOWN)


def write_output(
    settings: ParseSettings,
    parsed: Parsed,
    parser: dict[str, Any],
    made: Path,
    logs: list[dict[str, Any]],
) -> None:
    """Put the files in place; ``parse.json`` comes last, so that where it is all is.

    Args:
        made: the folder where SESSIONS and, where asked for, PARAMETERS were written.
    """
    output = settings.output
    (output / SUMMARY).unlink(missing_ok=True)
    (output / PARAMETERS).unlink(missing_ok=True)  # of an earlier parse
    for name in (SESSIONS, PARAMETERS) if settings.parameters else (SESSIONS,):
        sync(made / name)
        (made / name).replace(output / name)
    with (
        whole_file(output / TEMPLATES, on_disk=True) as part,
        part.open("w", encoding="utf-8", newline="") as file,
    ):
        table = csv.writer(file)
        table.writerow(["EventId", "EventTemplate", "Count", "Example"])
        for number, tokens in sorted(parsed.templates.items()):
            table.writerow(
                [
                    number,
                    shown_template(tokens),
                    parsed.counts.templates.get(number, 0),
                    parsed.counts.examples.get(number, ""),
                ]
            )
    sync(output)
    counts = parsed.counts
    write_json(
        output / SUMMARY,
        {
            "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
            "settings": settings.state(),
            "logs": logs,
            "lines": counts.lines,
            "events": counts.events,
            "sessions": parsed.num_sessions,
            "labels": parsed.labels,
            "templates": len(parsed.templates),
            "messages_fed_to_drain": parsed.fed,
            "skipped": dict(counts.skipped),
            "skipped_lines": counts.skipped_lines,
            "parser": parser
            | {
                "templates": [
                    {"id": number, "template": shown_template(tokens)}
                    for number, tokens in sorted(parsed.templates.items())
                ]
            },
        },
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
