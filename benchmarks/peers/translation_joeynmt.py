"""JoeyNMT's recurrent translator on the files of a folder, for so many seconds or steps of training.

    translation_joeynmt.py FOLDER SECONDS SEED STEPS [BEAM...]      # STEPS 0: no end but SECONDS

FOLDER: {train,val,test}.{en,de}, bpe.model (sentencepiece) and vocabulary.txt. Sizes, dropout, label
smoothing and batches are those of experiment=multi30k. Prints target tokens a second of training, and for
each size of the beam BLEU (sacreBLEU, 13a) and seconds.

JoeyNMT 2.3.0 uses importlib-metadata without asking for it, and a function that sentencepiece has no more
since 0.2.1: joeynmt.txt pins both. Its plateau scheduler gives PyTorch an argument that is gone (verbose), so
the rate falls with the root of the step.
"""

import json
import signal
import sys
import time
from functools import partialmethod
from pathlib import Path
from typing import Any

import joeynmt.training
import sacrebleu
from joeynmt.helpers import make_model_dir
from joeynmt.prediction import test
from joeynmt.training import TrainManager, train

BATCH_SIZE = 128  # sentences


def config(folder: Path, seed: int, updates: int) -> dict[str, Any]:
    steps = len((folder / "train.en").read_text(encoding="utf-8").splitlines()) // BATCH_SIZE or 1

    def side(language: str) -> dict[str, Any]:
        return {
            "lang": language,
            "level": "bpe",
            "max_length": 100,
            "voc_file": str(folder / "vocabulary.txt"),
            "tokenizer_type": "sentencepiece",
            "tokenizer_cfg": {"model_file": str(folder / "bpe.model")},
        }

    layer = {"rnn_type": "gru", "hidden_size": 256, "dropout": 0.4}
    embeddings = {"embeddings": {"embedding_dim": 256, "dropout": 0.3}}
    return {
        "name": "multi30k",
        "model_dir": str(folder / "joeynmt"),
        "use_cuda": False,
        "random_seed": seed,
        "normalization": "tokens",
        "data": {
            "dataset_type": "plain",
            "train": str(folder / "train"),
            "dev": str(folder / "val"),
            "test": str(folder / "test"),
            "src": side("en"),
            "trg": side("de"),
        },
        "training": {
            "normalization": "tokens",
            "optimizer": "adam",
            "learning_rate": 0.002,
            "learning_rate_min": 1e-5,
            "adam_betas": [0.9, 0.98],
            "scheduling": "warmupinversesquareroot",
            "learning_rate_warmup": 50,
            "label_smoothing": 0.1,
            "clip_grad_norm": 1.0,
            "batch_size": BATCH_SIZE,
            "epochs": 10_000,
            "updates": updates or 10**9,
            "logging_freq": steps,
            "validation_freq": steps,
            "early_stopping_metric": "ppl",
            "keep_best_ckpts": 1,
        },
        "testing": {"batch_size": 64, "max_output_length": 100, "beam_size": 1, "beam_alpha": 1.0},
        "model": {
            "initializer": "xavier_uniform",
            "tied_embeddings": True,
            "tied_softmax": True,
            "encoder": {"type": "recurrent", "num_layers": 1, "bidirectional": True} | layer | embeddings,
            "decoder": {
                "type": "recurrent",
                "num_layers": 2,
                "attention": "luong",
                "input_feeding": True,
                "init_hidden": "bridge",
                "hidden_dropout": 0.4,
            }
            | layer
            | embeddings,
        },
    }


class Clock:
    """Ends a training after so many seconds, as Ctrl-C does, and counts what it took without validations."""

    def __init__(self, seconds: float) -> None:
        self.limit = seconds
        self.seconds = self.validation = 0.0
        self.manager: Any = None
        self.train, self.validate = TrainManager.train_and_validate, TrainManager._validate
        TrainManager.train_and_validate = partialmethod(_timed_training, self)
        TrainManager._validate = partialmethod(_timed_validation, self)


def _timed_training(manager: TrainManager, clock: Clock, **data: Any) -> None:
    clock.manager, start = manager, time.perf_counter()
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, clock.limit)
    clock.train(manager, **data)
    clock.seconds = time.perf_counter() - start


def _timed_validation(manager: TrainManager, clock: Clock, data: Any) -> None:
    start = time.perf_counter()
    try:
        clock.validate(manager, data)
    finally:
        clock.validation += time.perf_counter() - start


def main() -> None:
    folder, seconds, seed = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    settings = config(folder, seed, int(sys.argv[4]))
    make_model_dir(Path(settings["model_dir"]), overwrite=True)
    clock = Clock(seconds)
    train(rank=0, world_size=None, cfg=settings, skip_test=True)
    stats = clock.manager.stats
    figures = {
        "tokens_per_second": stats.total_tokens / (clock.seconds - clock.validation),
        "parameters": sum(weights.numel() for weights in clock.manager.model.parameters()),
        "steps": stats.steps,
        "fit_seconds": clock.seconds,
        "validation_seconds": clock.validation,
    }
    references = (folder / "test.de").read_text(encoding="utf-8").splitlines()
    best = Path(settings["model_dir"], "best.ckpt")
    settings["testing"]["load_model"] = str(best if best.exists() else best.with_name("latest.ckpt"))
    del settings["data"]["dev"]
    for beam in map(int, sys.argv[5:]):
        settings["testing"]["beam_size"] = beam
        taken = timed_test(settings, folder / "translated")
        lines = (folder / "translated.test").read_text(encoding="utf-8").splitlines()
        figures |= {
            f"bleu_{beam}": sacrebleu.corpus_bleu(lines, [references]).score,
            f"search_seconds_{beam}": taken,
        }
    print(json.dumps(figures))


def timed_test(settings: dict[str, Any], output: Path) -> float:
    """Seconds of translating the test set into ``output.test``; loading the model is left out."""
    predict, taken = joeynmt.prediction.predict, []

    def timed(**given: Any) -> Any:
        start = time.perf_counter()
        found = predict(**given)
        taken.append(time.perf_counter() - start)
        return found

    joeynmt.prediction.predict = timed
    try:
        test(settings, output_path=str(output))
    finally:
        joeynmt.prediction.predict = predict
    return sum(taken)


if __name__ == "__main__":
    main()
