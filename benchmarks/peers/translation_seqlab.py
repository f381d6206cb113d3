"""A trained run's search: translation_seqlab.py RUN FOLDER BEAM...; prints BLEU and seconds of each beam."""

import json
import sys
import time
from pathlib import Path

import sacrebleu

from seqlab.data.tokenizers import tokenizer_from_state
from seqlab.evaluation.translation import translate_texts
from seqlab.training.checkpoints import load_task


def main() -> None:
    run, folder = Path(sys.argv[1]), Path(sys.argv[2])
    task, contents = load_task(run / "checkpoints" / "best.ckpt")
    tokenizers = [tokenizer_from_state(contents.data[f"{side}_tokenizer"]) for side in ("source", "target")]
    sources, references = (
        (folder / f"test.{language}").read_text(encoding="utf-8").splitlines() for language in ("en", "de")
    )
    figures = {"parameters": sum(weights.numel() for weights in task.network.parameters())}
    for beam in map(int, sys.argv[3:]):
        task.beam_size = beam
        start = time.perf_counter()
        lines, _ = translate_texts(task, sources, *tokenizers)
        figures |= {
            f"search_seconds_{beam}": time.perf_counter() - start,
            f"bleu_{beam}": sacrebleu.corpus_bleu(lines, [references]).score,
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
