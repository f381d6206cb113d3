"""docs/results.md: tables of the recorded figures, what is worse than what, and where each comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from benchmarks import layers
from benchmarks.results_cells import NO_FIGURE, mean_text, shown_value

FOLDER = Path(__file__).resolve().parent
RECORD, PAGE = FOLDER / "results.json", FOLDER.parent / "docs" / "results.md"
EARLIER = "earlier commit"
WORSE, BELOW_PUBLISHED, OLD = "↓", "‡", "†"


@dataclass(frozen=True)
class Figure:
    """What a cell shows, and the number that comparisons use: as exact as it is shown."""

    text: str
    value: float


@dataclass(frozen=True)
class Source:
    """The recorded seeds of one run, or its figures of an earlier commit as they stood on the page."""

    seeds: Sequence[int]
    entries: Sequence[Mapping[str, Any]]
    earlier: Mapping[str, str] | None = None

    @property
    def names(self) -> set[str]:
        return set(self.earlier if self.earlier is not None else self.entries[0]["figures"])

    def figure(self, key: str, decimals: int) -> Figure | None:
        """Mean ± standard deviation over seeds that differ; of one seed its interval, where it has one."""
        if self.earlier is not None:
            text = self.earlier.get(key)
            return None if text is None else Figure(text, shown_value(text))
        values = [entry["figures"][key] for entry in self.entries if key in entry["figures"]]
        if not values:
            return None
        text = mean_text(values, decimals)
        shown = shown_value(text)
        ends = [self.entries[0]["figures"].get(f"{key}/{end}") for end in ("ci_low", "ci_high")]
        if len(values) == 1 and None not in ends:
            text += f" [{ends[0]:,.{decimals}f}, {ends[1]:,.{decimals}f}]"
        return Figure(text, shown)


def source_of(record: Mapping[str, Any], run: str, seeds: Sequence[int]) -> Source:
    """All seeds of a run; while some are missing, its figures of an earlier commit; else those it has.

    Raises:
        SystemExit: nothing is recorded of it.
    """
    found = record.get(run, {})
    there = [seed for seed in seeds if str(seed) in found]
    if EARLIER in found and len(there) < len(seeds):
        return Source(found[EARLIER]["seeds"], (), found[EARLIER]["figures"])
    if not there:
        raise SystemExit(
            f"{run}: no seed of it is in {RECORD.name}; run it: make results DATA=FOLDER ARGS={run}"
        )
    return Source(there, [found[str(seed)] for seed in there])


@dataclass(frozen=True)
class Row:
    name: str
    label: str  # what a sentence calls it
    kind: str  # ours | trivial | published | reference
    fields: Mapping[str, str]
    source: Source | None
    values: Mapping[str, float]
    than: Sequence[str]  # of a published row: the runs it stands beside; empty: all

    def figure(self, column: Mapping[str, Any]) -> Figure | None:
        """The cell's figure; None where the row has none.

        Raises:
            KeyError: the column's key holds a field that the row lacks.
        """
        if "text" in column:
            return Figure(column["text"].format_map(self.fields), 0.0)
        if self.source is None:
            value = self.values.get(column["name"])
            return None if value is None else Figure(f"{value:g}", value)
        if "key" in column:
            return self.source.figure(column["key"].format_map(self.fields), column["decimals"])
        pattern = column["best"].format_map(self.fields)
        found = {key: self.source.figure(key, column["decimals"]) for key in self.source.names}
        named = {key: each for key, each in found.items() if each is not None and is_plain(key, pattern)}
        if not named:
            return None
        pick = max if column["better"] == "higher" else min
        best = pick(sorted(named), key=lambda key: named[key].value)
        return Figure(f"{named[best].text} (`{best.split('/')[1]}`)", named[best].value)


def is_plain(key: str, pattern: str) -> bool:
    """Whether a key is of the pattern, and of as many parts: ``*`` stands for one part."""
    return fnmatch(key, pattern) and key.count("/") == pattern.count("/")


def rows_of(table: Mapping[str, Any], runs: Mapping[str, Any], record: Mapping[str, Any]) -> list[Row]:
    """A table's rows, one for each part of a row that has several."""
    rows = []
    for row in table["rows"]:
        parts, name = row.get("parts", ["test"]), row["name"]
        source = source_of(record, row["run"], runs[row["run"]]["seeds"]) if "run" in row else None
        for part in parts:
            fields = row | {"part": part, "score": part.split("/")[-1]}
            score, *rest = part.split("/")[1:] or [part]
            label = ", ".join([f"`{score}`", *rest]) if len(parts) > 1 else name
            whole = f"{name}, {label}" if len(parts) > 1 else name
            if "source" in row:
                whole += f" ({row['source']})"
            kind, than = row.get("kind", "ours"), row.get("than", ())
            rows.append(Row(whole, label, kind, fields, source, row.get("values", {}), than))
    return rows


def is_worse(ours: Figure, other: Figure, column: Mapping[str, Any]) -> bool:
    """Worse as shown, in the direction the column names."""
    here, there = (round(each.value, column["decimals"]) for each in (ours, other))
    return here < there if column["better"] == "higher" else here > there


@dataclass(frozen=True)
class Comparison:
    """Which of our rows one column shows to be worse than another row or column."""

    mark: str
    column: str
    against: str
    worse: Sequence[str]
    compared: int


def compare(rows: Sequence[Row], columns: Sequence[Mapping[str, Any]], at: int) -> list[Comparison]:
    """A column's figures of ours against its best trivial row and published ones, or the column beside."""
    column = columns[at]
    if "better" not in column or "best" in column:
        return []
    shown = [(row, figure) for row in rows if (figure := row.figure(column)) is not None]
    ours = [pair for pair in shown if pair[0].kind == "ours"]

    def comparison(mark: str, against: str, pairs: Sequence[tuple[Row, Figure, Figure]]) -> list[Comparison]:
        worse = [row.name for row, figure, other in pairs if is_worse(figure, other, column)]
        return [Comparison(mark, column["name"], against, worse, len(pairs))] if pairs else []

    if "beside" in column:
        beside = next(each for each in columns if each["name"] == column["beside"])
        pairs = [(*pair, other) for pair in ours if (other := pair[0].figure(beside)) is not None]
        return comparison(WORSE, "the column beside it", pairs)
    found = []
    trivial = [pair for pair in shown if pair[0].kind == "trivial"]
    if trivial:
        pick = max if column["better"] == "higher" else min
        best, limit = pick(trivial, key=lambda pair: pair[1].value)
        found += comparison(WORSE, f"{best.label}, {limit.text}", [(*pair, limit) for pair in ours])
    for row, published in (pair for pair in shown if pair[0].kind == "published"):
        pairs = [(*pair, published) for pair in ours if not row.than or pair[0].fields["run"] in row.than]
        found += comparison(BELOW_PUBLISHED, f"{row.label}, {published.text}", pairs)
    return found


def seeds_text(seeds: Sequence[int]) -> str:
    whole = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(str(seed) for seed in seeds)


def comparison_lines(comparisons: Sequence[Comparison]) -> list[str]:
    """One sentence a mark: in which columns how many rows are worse than what."""
    lines = []
    for mark, what in ((WORSE, "the best row without a network"), (BELOW_PUBLISHED, "published")):
        found = [each for each in comparisons if each.mark == mark]
        worse = [
            f"{len(each.worse)} of {each.compared} rows in {each.column} ({each.against})"
            for each in found
            if each.worse
        ]
        if worse:
            lines.append(f"{mark} Worse than {what}: {'; '.join(worse)}.")
        elif found:
            lines.append(f"No row is worse than {what}.")
    return lines


def origin_lines(rows: Sequence[Row]) -> list[str]:
    """Commit, date, machine and seconds of training of the runs behind a table; and which are older."""
    runs = {row.fields["run"]: row.source for row in rows if row.source is not None}
    groups: dict[str, list[float]] = {}
    for source in runs.values():
        for entry in source.entries:
            text = "commit `{commit}`, {date}, {machine}, threads: {threads}, torch {torch}".format_map(entry)
            groups.setdefault(text, []).append(entry["seconds"])
    lines = [
        f"Runs: {text}; training took {min(seconds):,.0f} to {max(seconds):,.0f} s a run."
        for text, seconds in sorted(groups.items())
    ]
    if any(source.earlier is not None for source in runs.values()):
        lines.append(f"{OLD} from an earlier commit, some on a GPU; `make results` has not run it since.")
    return lines


def table_text(table: Mapping[str, Any], runs: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """One table as Markdown, and below it what is worse than what, and where the rows come from."""
    rows, columns = rows_of(table, runs, record), table["columns"]
    comparisons = [each for at in range(len(columns)) for each in compare(rows, columns, at)]
    heads = ["run", "seeds", *(column["name"] for column in columns)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        old = row.source is not None and row.source.earlier is not None
        cells = [row.name + (f" {OLD}" if old else ""), seeds_text(row.source.seeds) if row.source else ""]
        for column in columns:
            figure = row.figure(column)
            here = [each for each in comparisons if each.column == column["name"] and row.kind == "ours"]
            marks = "".join(dict.fromkeys(each.mark for each in here if row.name in each.worse))
            cells.append(NO_FIGURE if figure is None else f"{figure.text} {marks}".rstrip())
        lines.append(f"| {' | '.join(cells)} |")
    below = [*comparison_lines(comparisons), *origin_lines(rows)]
    return "\n".join([*lines, "", "  \n".join(below)])


def files_of(settings: Mapping[str, Any], folder: str, labels: str) -> list[str]:
    """The overrides that name a data set's files below ``folder``; a table of labels stands in ``labels``."""
    found = []
    for setting, value in settings.items():
        if isinstance(value, dict):
            found.append(f"{setting}={labels}")
        elif isinstance(value, list):
            found.append(f"{setting}=[{','.join(f'{folder}/{path}' for path in value)}]")
        else:
            found.append(f"{setting}={folder}/{value}")
    return found


def commands_text(names: Sequence[str], tables: Mapping[str, Any]) -> str:
    """The commands behind runs, as a reader would type them in the folder of the data."""
    lines, last = [], None
    for name in names:
        run = tables["runs"][name]
        data = run.get("data")
        if data is not None and data != last:
            lines.append(f'FILES="{" ".join(files_of(tables["data"][data], "$DATA", f"{data}_labels.csv"))}"')
            last = data
        seeds = f"{run.get('seed_key', 'seed')}={','.join(map(str, run['seeds']))}"
        many = "-m " if len(run["seeds"]) > 1 else ""
        lines.append(f"python train.py {many}{seeds} {run['overrides']}" + (" $FILES" if data else ""))
    return "\n".join(["```bash", *lines, "```"])


def page_text(tables: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """docs/results.md."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    runs = tables["runs"]

    def figure(run: str, key: str, decimals: int = 3) -> str:
        found = source_of(record, run, runs[run]["seeds"]).figure(key, decimals)
        if found is None:
            raise SystemExit(f"results.md.j2: {run} has no figure {key!r} in {RECORD.name}")
        return found.text

    return environment.get_template("results.md.j2").render(
        table=lambda name: table_text(tables["tables"][name], runs, record),
        commands=lambda *names: commands_text(names, tables),
        layers=lambda name: layers.table_text(layers.read_spec(), record, name),
        figure=figure,
    )


def read_tables() -> dict[str, Any]:
    """data, runs and tables."""
    texts = [(FOLDER / name).read_text(encoding="utf-8") for name in ("results.yaml", "results_tables.yaml")]
    return yaml.safe_load(texts[0]) | yaml.safe_load(texts[1])
