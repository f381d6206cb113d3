"""HDFS: the deeplog package beside ``model=gru``: windows a second in training, F1 at the log's prevalence.

    python benchmarks/peers_hdfs.py --data FOLDER    # normal.txt and abnormal.txt of the loghub sequences

Both get the same files: of the normal sessions the seed draws 70 % for training, 10 % for validation, 20 %
for test; the abnormal ones are tested. F1 is at the 2.9 % of abnormal sessions that HDFS has.
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.beside import Figures, Line, alternate, origin, peer_python, process, run, table  # noqa: E402

PREVALENCE = 0.02928
LINES = (
    Line("training, windows/s", "windows_per_second", ",.0f", "higher"),
    Line("fit, s", "fit_seconds", ".1f", "lower"),
    Line("F1", "f1", ".3f"),
    Line("recall", "recall", ".3f"),
    Line("false positive rate", "false_positive_rate", ".4f"),
)


def f1_at_prevalence(recall: float, false_positive_rate: float) -> float:
    """F1 where PREVALENCE of the sessions are abnormal."""
    found, false = PREVALENCE * recall, (1 - PREVALENCE) * false_positive_rate
    return 2 * found / (found + false + PREVALENCE) if found else 0.0


def split(data: Path, folder: Path, seed: int, limit: int | None) -> Path:
    """The files of a seed, with the labels as a table."""
    parts = folder / str(seed)
    if not parts.exists():
        parts.mkdir()
        normal = (data / "normal.txt").read_text(encoding="utf-8").splitlines()
        abnormal = (data / "abnormal.txt").read_text(encoding="utf-8").splitlines()
        random.Random(seed).shuffle(normal)
        normal = normal[:limit]
        ends = round(0.7 * len(normal)), round(0.8 * len(normal))
        lines = {"train": normal[: ends[0]], "val": normal[ends[0] : ends[1]], "normal": normal[ends[1] :]}
        lines |= {"abnormal": abnormal[: limit and limit // 10]}
        for name, sessions in lines.items():
            (parts / f"{name}.txt").write_text("\n".join(sessions) + "\n", encoding="utf-8")
        labels = [f"{line.partition(',')[0]},Normal" for line in normal]
        labels += [f"{line.partition(',')[0]},Anomaly" for line in lines["abnormal"]]
        (parts / "labels.csv").write_text("\n".join(["BlockId,Label", *labels]) + "\n", encoding="utf-8")
    return parts


@functools.cache
def deeplog_run(files: Path, seed: int, epochs: int) -> Figures:
    return process(peer_python("deeplog"), "hdfs_deeplog.py", str(files), str(seed), str(epochs))


def deeplog(files: Path, seed: int, epochs: int, chosen: str) -> Figures:
    found = dict(deeplog_run(files, seed, epochs))
    if chosen:  # the same training: told once
        del found["windows_per_second"], found["fit_seconds"]
    for key in ("recall", "false_positive_rate"):
        found[key] = found[f"{chosen}{key}"]
    return found | {"f1": f1_at_prevalence(found["recall"], found["false_positive_rate"])}


def ours(files: Path, seed: int, overrides: Sequence[str]) -> Figures:
    paths = [f"data.{part}={files / part}.txt" for part in ("train", "val")]
    tested = f"data.test=[{files / 'normal.txt'},{files / 'abnormal.txt'}]"
    metrics = run(
        *("model=gru", *paths, tested, f"data.labels={files / 'labels.csv'}"),
        *(f"detection.prevalence={PREVALENCE}", f"seed={seed}", *overrides),
    )
    recall, false_positive_rate = metrics["test/recall"], metrics["test/false_positive_rate"]
    return {
        "windows_per_second": metrics["timing/train_windows_per_second"],
        "fit_seconds": metrics["timing/fit_seconds"],
        "recall": recall,
        "false_positive_rate": false_positive_rate,
        "f1": f1_at_prevalence(recall, false_positive_rate),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=5, help="of the peer; ours has those of model=gru")
    parser.add_argument("--limit", type=int, help="so many normal sessions, to try the script")
    parser.add_argument("overrides", nargs="*", help="of train.py")
    arguments = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)

        def files(seed: int) -> Path:
            return split(arguments.data, folder, seed, arguments.limit)

        sides = {
            "deeplog, a guess in the best 9": lambda seed: deeplog(files(seed), seed, arguments.epochs, ""),
            "deeplog, guesses by validation": lambda seed: deeplog(
                files(seed), seed, arguments.epochs, "validated_"
            ),
            "`model=gru`": lambda seed: ours(files(seed), seed, arguments.overrides),
        }
        print(table(alternate(sides, arguments.rounds), LINES))
    print("\n" + origin(time.perf_counter() - start, arguments.rounds, "deeplog"))


if __name__ == "__main__":
    main()
