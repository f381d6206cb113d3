"""Files of a public set, put into a form that the data configs read."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path


def names_csv(folder: Path) -> None:
    """``names.csv`` (name, label) of ``data/names/LABEL.txt``, which hold a name a line; sorted by label."""
    with (folder / "names.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["name", "label"])
        for source in sorted(folder.glob("data/names/*.txt")):
            for line in source.read_text(encoding="utf-8").splitlines():
                if name := line.strip():
                    table.writerow([name, source.stem])


PREPARE: dict[str, Callable[[Path], None]] = {"names_csv": names_csv}
