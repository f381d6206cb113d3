"""Names: scikit-learn's tf-idf of character n-grams and logistic regression beside ``model=name_classifier``.

    python benchmarks/peers_names.py --data FOLDER        # names_train.csv.gz and names_test.csv.gz

Both get the same files; a twentieth of the distinct training names is for validation, drawn by the seed, each
once with each of its labels: some names stand in the file twenty times, and a few of these would decide. The
peer chooses its n-grams and C on it, ours its epoch; nothing is chosen on test.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.beside import Figures, Line, alternate, origin, peer_python, process, run, table  # noqa: E402

LINES = (
    Line("test accuracy", "accuracy", ".4f"),
    Line("macro F1", "macro_f1", ".3f"),
    Line("fit, s", "fit_seconds", ".1f", "lower"),
)


def read(path: Path) -> list[list[str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def write(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("name", "label"), *rows])


def split(data: Path, folder: Path, seed: int, limit: int | None) -> Path:
    """Files of this seed in ``folder/SEED``."""
    parts = folder / str(seed)
    if not parts.exists():
        parts.mkdir()
        rows = read(data / "names_train.csv.gz")
        rows = random.Random(seed).sample(rows, limit or len(rows))
        names = sorted({row[0] for row in rows})
        kept = set(random.Random(seed).sample(names, len(names) // 20))
        write(parts / "train.csv", [row for row in rows if row[0] not in kept])
        write(parts / "val.csv", sorted({tuple(row) for row in rows if row[0] in kept}))
        write(parts / "test.csv", read(data / "names_test.csv.gz"))
    return parts


def ours(files: Path, seed: int, overrides: Sequence[str]) -> Figures:
    paths = [f"data.{part}={files / part}.csv" for part in ("train", "val", "test")]
    metrics = run("model=name_classifier", *paths, f"seed={seed}", *overrides)
    keys = {"accuracy": "test/accuracy", "macro_f1": "test/macro_f1", "fit_seconds": "timing/fit_seconds"}
    return {name: metrics[key] for name, key in keys.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, help="so many training names, to try the script")
    parser.add_argument("overrides", nargs="*", help="of train.py")
    arguments = parser.parse_args()
    python = peer_python("scikit-learn")
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)

        def files(seed: int) -> Path:
            return split(arguments.data, folder, seed, arguments.limit)

        sides = {
            "tf-idf and logistic regression": lambda seed: process(
                python, "names_sklearn.py", str(files(seed))
            ),
            "`model=name_classifier`": lambda seed: ours(files(seed), seed, arguments.overrides),
        }
        print(table(alternate(sides, arguments.rounds), LINES))
    print("\n" + origin(time.perf_counter() - start, arguments.rounds, "scikit-learn"))


if __name__ == "__main__":
    main()
