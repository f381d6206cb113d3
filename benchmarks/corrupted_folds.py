"""Held-out normal sessions, and corrupted ones in place of abnormal ones: data to choose a detector on.

    python benchmarks/corrupted_folds.py normal.txt OUTPUT --seeds 5,6,7

For each seed the training and validation normals of its run (80 %) are cut into five folds. OUTPUT/SEED-FOLD
gets train.txt and val.txt (seven eighths and one eighth of the other folds), test.txt (the fold's sessions,
and each of them corrupted in the ways of CORRUPTIONS) and labels.csv. No abnormal session and none of
the seed's test normals is read. Then, in each folder:

    python train.py seed=SEED data.train=train.txt data.val=val.txt data.test=test.txt \
        data.labels=labels.csv detection.prevalence=0.02928
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.random import Generator

FOLDS = 5
Session = list[str]


def drop(session: Session, place: int, keys: Session, rng: Generator) -> Session:
    return session[:place] + session[place + 1 :]


def repeat(session: Session, place: int, keys: Session, rng: Generator) -> Session:
    return session[:place] + session[place : place + 1] + session[place:]


def cut(session: Session, place: int, keys: Session, rng: Generator) -> Session:
    return session[:place]


def insert(session: Session, place: int, keys: Session, rng: Generator) -> Session:
    return [*session[:place], str(rng.choice(keys)), *session[place:]]


def drop_key(session: Session, place: int, keys: Session, rng: Generator) -> Session:
    return [key for key in session if key != session[place]]


def replace(session: Session, place: int, keys: Session, rng: Generator) -> Session:
    return [*session[:place], str(rng.choice(keys)), *session[place + 1 :]]


def run_of(session: Session, place: int, keys: Session, rng: Generator) -> Session:
    return session[:place] + [str(rng.choice(keys))] * int(rng.integers(3, 20)) + session[place:]


def swap(session: Session, place: int, keys: Session, rng: Generator) -> Session:
    """Two neighbors that differ, the other way round."""
    places = [at for at in range(len(session) - 1) if session[at] != session[at + 1]]
    if not places:
        return session
    at = places[rng.integers(len(places))]
    return [*session[:at], session[at + 1], session[at], *session[at + 2 :]]


def _span(session: Session, rng: Generator) -> int:
    """Events of a stretch: a twentieth to a fifth of the session, at least three."""
    return int(max(3, rng.uniform(0.05, 0.2) * len(session)))


def foreign_stretch(session: Session, place: int, keys: Session, rng: Generator) -> Session:
    return [*session[:place], *map(str, rng.choice(keys, _span(session, rng))), *session[place:]]


def own_stretch(session: Session, place: int, keys: Session, rng: Generator) -> Session:
    """Its own keys, drawn at random."""
    return [*session[:place], *map(str, rng.choice(session, _span(session, rng))), *session[place:]]


def shuffled_stretch(session: Session, place: int, keys: Session, rng: Generator) -> Session:
    end = place + 2 * _span(session, rng)
    stretch = session[place:end]
    return session[:place] + [stretch[at] for at in rng.permutation(len(stretch))] + session[end:]


def lost_stretch(session: Session, place: int, keys: Session, rng: Generator) -> Session:
    return session[:place] + session[place + _span(session, rng) :]


def stray_events(session: Session, place: int, keys: Session, rng: Generator) -> Session:
    """A tenth of its events replaced by others of its own."""
    changed = list(session)
    for at in rng.integers(len(session), size=max(1, len(session) // 10)):
        changed[at] = session[rng.integers(len(session))]
    return changed


CORRUPTIONS: tuple[Callable[[Session, int, Session, Generator], Session], ...] = (
    drop,
    repeat,
    cut,
    insert,
    drop_key,
    replace,
    run_of,
    swap,
    foreign_stretch,
    own_stretch,
    shuffled_stretch,
    lost_stretch,
    stray_events,
)


def write(path: Path, rows: list[tuple[str, Session]]) -> None:
    path.write_text("".join(f"{name},{' '.join(session)}\n" for name, session in rows), encoding="utf-8")


def make_folds(sessions: list[Session], output: Path, seed: int) -> None:
    """Write the five folds of one seed."""
    order = np.random.default_rng(seed).permutation(len(sessions))  # as data.split draws it
    pool = np.random.default_rng(100 + seed).permutation(order[: int(0.8 * len(sessions) + 1e-9)])
    normal = {tuple(session) for session in sessions}
    for fold in range(FOLDS):
        is_test = np.arange(len(pool)) % FOLDS == fold
        test, rest = pool[is_test].tolist(), pool[~is_test].tolist()
        train, val = rest[: int(len(rest) * 7 / 8)], rest[int(len(rest) * 7 / 8) :]
        keys = sorted({key for number in train for key in sessions[number]})
        rng = np.random.default_rng(1000 * seed + fold)
        corrupted = []
        for change in CORRUPTIONS:
            for number in test:
                session = change(sessions[number], int(rng.integers(len(sessions[number]))), keys, rng)
                if session and tuple(session) not in normal:
                    corrupted.append((f"{change.__name__}_{number}", session))
        folder = output / f"{seed}-{fold}"
        folder.mkdir(parents=True, exist_ok=True)
        parts = {"train": train, "val": val, "test": test}
        rows = {
            name: [(f"{name}_{number}", sessions[number]) for number in part] for name, part in parts.items()
        }
        labels = [f"{name},Normal\n" for part in rows.values() for name, _ in part]
        labels += [f"{name},Anomaly\n" for name, _ in corrupted]
        (folder / "labels.csv").write_text("BlockId,Label\n" + "".join(labels), encoding="utf-8")
        rows["test"] += corrupted
        for name, part in rows.items():
            write(folder / f"{name}.txt", part)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("normal", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seeds", default="5,6,7")
    arguments = parser.parse_args()
    lines = arguments.normal.read_text(encoding="utf-8").splitlines()
    sessions = [line.rpartition(",")[2].split() for line in lines if line.strip()]
    for seed in arguments.seeds.split(","):
        make_folds(sessions, arguments.output, int(seed))


if __name__ == "__main__":
    main()
