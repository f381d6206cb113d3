"""What n-grams of the training text make of text that a language model writes, beside the validation text.

    python benchmarks/generated_text.py CHECKPOINT TEXT [--temperature T] [--top-p P]

Prints, for ten prompts and none, the cross-entropy of 500 written characters (100 words) under a 5-gram model
(words: 3-gram) of the training part of TEXT, as a share of the validation part's. 1: as likely as real text;
above: noise; below: too likely. The prompts are words of tiny Shakespeare; drawn with seed 0, not chosen.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

PROMPTS = ("", "ROMEO:", "KING RICHARD III:\n", "First Citizen:", "JULIET:\nO ", "What ", "the ", "My lord, ")
PROMPTS += ("\n\nMENENIUS:", "Enter", "To be, or not to be")


def main() -> None:
    from seqlab.data.text_codec import TextCodec
    from seqlab.evaluation.language_model_baselines import NgramModel
    from seqlab.tasks.language_model import LanguageModel
    from seqlab.training.checkpoints import load_task

    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--top-p", type=float)
    arguments = parser.parse_args()
    task, contents = load_task(arguments.checkpoint)
    codec: TextCodec = TextCodec.from_state(contents.data["codec"])
    assert isinstance(task, LanguageModel)
    settings = {"temperature": arguments.temperature, "top_p": arguments.top_p}
    sampling = replace(task.sampling, **{key: value for key, value in settings.items() if value is not None})
    order, length = (3, 100) if codec.unit == "word" else (5, 500)
    text = arguments.text.read_text(encoding="utf-8")
    train, rest = text[: int(0.9 * len(text))], text[int(0.9 * len(text)) :]
    counted = NgramModel(codec.encode(train), len(codec), order)
    expected = counted.nll(codec.encode(rest)).mean()
    shares = []
    for prompt in PROMPTS:
        written = "".join(
            task.evaluation.write_on(task, contents, prompt, length=length, sampling=sampling, seed=0)
        )
        first = max(len(codec.encode(prompt)) - 1, 0)
        shares.append(counted.nll(codec.encode(prompt + written))[first:].mean() / expected)
        print(f"{shares[-1]:.2f}  {prompt!r} {written[:60]!r}")
    print(f"{counted.name} {expected:.3f} nats of the text itself; {sampling}")
    print(f"share: mean {np.mean(shares):.3f}, {min(shares):.2f} to {max(shares):.2f}")


if __name__ == "__main__":
    main()
