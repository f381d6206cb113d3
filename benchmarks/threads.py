"""What threads do for a run on the CPU: one or more of them, and two runs at once.

    python benchmarks/threads.py models --data FOLDER     # each model with 1 thread and with all
    python benchmarks/threads.py pairs                    # one run, then two at once, as threads wait

Each line trains the same few batches with both settings in turn; seconds are those of training alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.beside import Figures, Side, alternate, origin, ratios, run, spread  # noqa: E402
from seqlab.process import WAITING  # noqa: E402

FIT = "timing/fit_seconds"
QUICK = ("trainer.enable_progress_bar=false", "test=false", "callbacks.early_stopping.patience=null")
# overrides of a run of some seconds; {data}: the folder of the real data
RUNS = {
    "gru": "model=gru trainer.max_epochs=2",
    "gru_ae": "model=gru_ae trainer.max_epochs=2",
    "lstm": "model=lstm trainer.max_epochs=5",
    "char_rnn": (
        "experiment=shakespeare_quick data.path={data}/text/tinyshakespeare.txt "
        "trainer.limit_train_batches=60 trainer.limit_val_batches=2"
    ),
    "seq2seq": "model=seq2seq trainer.max_epochs=2",
    "multi30k": (
        "experiment=multi30k data.folder={data}/translation/multi30k trainer.max_epochs=1 "
        "trainer.limit_train_batches=30 trainer.limit_val_batches=2"
    ),
    "name_classifier": "model=name_classifier trainer.max_epochs=3",
    "entity_tagger": "model=entity_tagger trainer.max_epochs=3",
}
OF_OPENMP = 300_000  # rounds that an idle thread waits where nothing is said: milliseconds


def with_threads(number: int) -> dict[str, str]:
    return {"OMP_NUM_THREADS": str(number)}


def models(names: Sequence[str], data: Path | None, rounds: int, most: int) -> None:
    print(f"| run | {most} threads are so many times as fast as 1 | 1 thread, s | {most} threads, s |")
    print("|---|---|---|---|")
    for name in names:

        def side(number: int, words: Sequence[str] = words_of(name, data)) -> Side:
            return lambda seed: run(*words, f"seed={seed}", environment=with_threads(number))

        found = alternate({str(number): side(number) for number in (1, most)}, rounds)
        one, all_of_them = ([each[FIT] for each in found[str(number)]] for number in (1, most))
        against = spread(ratios(one, all_of_them, "lower"), ".2f")
        print(f"| {name} | {against} | {spread(one, '.1f')} | {spread(all_of_them, '.1f')} |", flush=True)


def words_of(name: str, data: Path | None) -> list[str]:
    return [*RUNS[name].format(data=data).split(), *QUICK]


def at_once(words: Sequence[str], environment: dict[str, str], count: int) -> Side:
    """So many equal runs begin together; the seconds of the slower one."""

    def side(seed: int) -> Figures:
        with ThreadPoolExecutor(count) as pool:
            runs = [pool.submit(run, *words, f"seed={seed}", environment=environment) for _ in range(count)]
            return {FIT: max(float(each.result()[FIT]) for each in runs)}

    return side


def pairs(name: str, data: Path | None, rounds: int, most: int, waits: Sequence[int]) -> None:
    settings = {
        f"GOMP_SPINCOUNT={count}": with_threads(most) | {"GOMP_SPINCOUNT": str(count)} for count in waits
    }
    settings |= {"1 thread": with_threads(1)}
    words = words_of(name, data)
    sides = {
        f"{setting}, {count}": at_once(words, environment, count)
        for setting, environment in settings.items()
        for count in (1, 2)
    }
    found = {side: [each[FIT] for each in figures] for side, figures in alternate(sides, rounds).items()}
    print(f"| {name}, {most} threads | two at once take so many times as long as one | one, s | two, s |")
    print("|---|---|---|---|")
    for setting in settings:
        one, two = (found[f"{setting}, {count}"] for count in (1, 2))
        longer = spread(ratios(two, one, "lower"), ".2f")
        print(f"| {setting} | {longer} | {spread(one, '.1f')} | {spread(two, '.1f')} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("what", choices=["models", "pairs"])
    parser.add_argument("names", nargs="*", metavar="RUN", help=f"of {', '.join(RUNS)}")
    parser.add_argument("--data", type=Path, help="the folder of the real data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="all of them")
    waits = (OF_OPENMP, int(WAITING["GOMP_SPINCOUNT"]), 0)
    parser.add_argument("--waits", type=int, nargs="*", default=waits, help="GOMP_SPINCOUNT of pairs")
    arguments = parser.parse_args()
    start = time.perf_counter()
    if arguments.what == "models":
        models(arguments.names or list(RUNS), arguments.data, arguments.rounds, arguments.threads)
    else:
        for name in arguments.names or ["gru"]:
            pairs(name, arguments.data, arguments.rounds, arguments.threads, arguments.waits)
    print("\n" + origin(time.perf_counter() - start, arguments.rounds))


if __name__ == "__main__":
    main()
