"""What n-grams of the training text make of text that a language model writes, beside the validation text.

For ten prompts and none: the cross-entropy of 500 written characters (100 words) under a 5-gram model (words:
3-gram) of the training part of the text, as a share of the validation part's. 1: as likely as real text;
above: noise; below: too likely. The prompts are words of tiny Shakespeare; drawn with seed 0, not chosen.
"""

from __future__ import annotations

from pathlib import Path

PROMPTS = ("", "ROMEO:", "KING RICHARD III:\n", "First Citizen:", "JULIET:\nO ", "What ", "the ", "My lord, ")
PROMPTS += ("\n\nMENENIUS:", "Enter", "To be, or not to be")


def figures(run: Path) -> dict[str, float]:
    """``written/mean``, ``least`` and ``most``: a run folder's best checkpoint, over the prompts."""
    from omegaconf import OmegaConf

    from seqlab.data.text_codec import TextCodec
    from seqlab.evaluation.language_model_baselines import NgramModel
    from seqlab.tasks.language_model import LanguageModel
    from seqlab.training.checkpoints import load_task

    task, contents = load_task(run / "checkpoints" / "best.ckpt")
    codec: TextCodec = TextCodec.from_state(contents.data["codec"])
    assert isinstance(task, LanguageModel)
    order, length = (3, 100) if codec.unit == "word" else (5, 500)
    config = OmegaConf.load(run / ".hydra" / "config.yaml")
    text = Path(config.data.path).read_text(encoding="utf-8")
    train, rest = text[: int(0.9 * len(text))], text[int(0.9 * len(text)) :]
    counted = NgramModel(codec.encode(train), len(codec), order)
    expected = counted.nll(codec.encode(rest)).mean()
    shares = []
    for prompt in PROMPTS:
        written = "".join(
            task.evaluation.write_on(task, contents, prompt, length=length, sampling=task.sampling, seed=0)
        )
        first = max(len(codec.encode(prompt)) - 1, 0)
        shares.append(float(counted.nll(codec.encode(prompt + written))[first:].mean() / expected))
    return {
        "written/mean": sum(shares) / len(shares),
        "written/least": min(shares),
        "written/most": max(shares),
    }
