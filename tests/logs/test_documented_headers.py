"""docs/logs.md: each header that it gives for a system reads the line that stands above it."""

import json
import shlex
from pathlib import Path

import polars as pl
import pytest

from seqlab.cli import main

PAGE = (Path(__file__).parents[2] / "docs/logs.md").read_text()
BLOCK = PAGE.partition("### Headers of common systems")[2].partition("```bash\n")[2].partition("```")[0]
SYSTEMS = {
    command.split()[2].removesuffix(".log"): (line, command)
    for line, _, command in (part.partition("\n") for part in BLOCK.split("# ")[1:])
}


def test_the_page_names_the_systems_of_loghub_without_a_format() -> None:
    assert set(SYSTEMS) == {
        *("Android", "HealthApp", "HPC", "Linux", "Mac", "OpenStack"),
        *("Proxifier", "Spark", "Thunderbird", "Windows"),
    }


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_header_reads_its_line(system: str, tmp_path: Path) -> None:
    line, command = SYSTEMS[system]
    log, output = tmp_path / f"{system}.log", tmp_path / "parsed"
    log.write_text(line + "\n")
    words = shlex.split(command.replace("\\\n", ""))
    assert words[:5] == ["seqlab", "parse", log.name, "--output", output.name]
    assert main(["parse", str(log), "--output", str(output), *words[5:]]) == 0
    summary = json.loads((output / "parse.json").read_text())
    assert (summary["lines"], summary["events"], summary["skipped"]) == (1, 1, {})
    templates = pl.read_csv(output / "templates.csv")["EventTemplate"].to_list()
    assert templates == ["[instance: <*>] message" if system == "OpenStack" else "message"]
    assert pl.read_parquet(output / "sessions.parquet")["first_time"].null_count() == 0
