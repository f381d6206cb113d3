"""Multi30k, English to German: JoeyNMT's recurrent translator beside ``experiment=multi30k``.

    python benchmarks/peers_translation.py --data FOLDER --steps 30         # training speed, 5 rounds
    python benchmarks/peers_translation.py --data FOLDER --epochs 18        # BLEU at equal time, 1 round

FOLDER: {train,val,test_2016_flickr}.{en,de}.gz. Both have the same subwords, sizes, dropout and batches
of 128 pairs. With --steps each takes so many; with --epochs ours trains so many,
and JoeyNMT as many seconds as that took; then both translate the test set, greedily and with a beam of 5.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.beside import Figures, Line, alternate, origin, peer_python, process, run, table  # noqa: E402

SPEED = (
    Line("training, target tokens/s", "tokens_per_second", ",.0f", "higher"),
    Line("parameters", "parameters", ",.0f"),
)
QUALITY = (
    Line("BLEU, greedy", "bleu_1", ".2f"),
    Line("BLEU, beam of 5", "bleu_5", ".2f"),
    Line("greedy search, s", "search_seconds_1", ".1f", "lower"),
    Line("beam of 5, s", "search_seconds_5", ".1f", "lower"),
    Line("fit, s", "fit_seconds", ".0f"),
)
BEAMS = (1, 5)
FOREVER = 1e6  # seconds


def write_files(data: Path, folder: Path, limit: int | None) -> None:
    """Plain text of each part and language, the subwords that ours learns, and their list."""
    from seqlab.data.tokenizers import SubwordTokenizer
    from seqlab.data.vocabulary import SPECIAL_TOKENS

    texts = {}
    for part, name in (("train", "train"), ("val", "val"), ("test", "test_2016_flickr")):
        for language in ("en", "de"):
            with gzip.open(data / f"{name}.{language}.gz", "rt", encoding="utf-8") as file:
                lines = file.read().splitlines()[: limit if part != "train" else limit and limit * 20]
            (folder / f"{part}.{language}").write_text("\n".join(lines) + "\n", encoding="utf-8")
            texts[part, language] = lines
    tokenizer = SubwordTokenizer.train(texts["train", "en"] + texts["train", "de"], vocab_size=4000)
    (folder / "bpe.model").write_bytes(tokenizer.model)
    pieces = [piece for piece in tokenizer.pieces(range(len(tokenizer))) if piece not in SPECIAL_TOKENS]
    (folder / "vocabulary.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")


def ours(folder: Path, seed: int, *overrides: str, beams: Sequence[int] = ()) -> Figures:
    parts = [f"data.{part}=[{part}.en,{part}.de]" for part in ("train", "val", "test")]
    kept = folder / f"run-{seed}"
    metrics = run(
        *("experiment=multi30k", f"data.folder={folder}", *parts, f"seed={seed}", *overrides), folder=kept
    )
    return {
        "tokens_per_second": metrics["timing/train_target_tokens_per_second"],
        "fit_seconds": metrics["timing/fit_seconds"],
        "bleu_5": metrics.get("test/bleu", 0.0),
        **process(sys.executable, "translation_seqlab.py", str(kept), str(folder), *map(str, beams)),
    }


def joeynmt(folder: Path, seconds: float, seed: int, steps: int, *beams: int) -> Figures:
    words = [str(folder), str(seconds), str(seed), str(steps), *map(str, beams)]
    return process(peer_python("joeynmt"), "translation_joeynmt.py", *words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True)
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--steps", type=int)
    length.add_argument("--epochs", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument(
        "--limit", type=int, help="so many test sentences, 20 times as many for training: a try"
    )
    arguments = parser.parse_args()
    rounds = arguments.rounds or (5 if arguments.steps else 1)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_files(arguments.data, folder, arguments.limit)
        if arguments.steps:
            limits = (f"trainer.limit_train_batches={arguments.steps}", "trainer.limit_val_batches=1")
            limits += ("trainer.max_epochs=1", "test=false")
            sides = {
                "JoeyNMT": lambda seed: joeynmt(folder, FOREVER, seed, arguments.steps),
                "`experiment=multi30k`": lambda seed: ours(folder, seed, *limits),
            }
            print(table(alternate(sides, rounds), SPEED))
        else:
            epochs = f"trainer.max_epochs={arguments.epochs}"
            mine = [ours(folder, seed, epochs, beams=BEAMS) for seed in range(rounds)]
            print(json.dumps(mine), file=sys.stderr)
            theirs = [
                joeynmt(folder, float(each["fit_seconds"]), seed, 0, *BEAMS) for seed, each in enumerate(mine)
            ]
            print(table({"JoeyNMT": theirs, "`experiment=multi30k`": mine}, (*SPEED, *QUALITY)))
    print("\n" + origin(time.perf_counter() - start, rounds, "joeynmt"))


if __name__ == "__main__":
    main()
