"""Generated text, measured by what 5-grams of the training text make of it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqlab.cli import main
from seqlab.data.samples.korean import phrase_pairs
from seqlab.data.text_codec import TextCodec
from seqlab.evaluation.language_model_baselines import NgramModel

RECIPE = (
    "experiment=shakespeare_quick",
    "trainer.precision=32-true",
    "trainer.enable_progress_bar=false",
)
SMALL = (
    "data.num_streams=4",
    "data.seq_length=48",
    "model.network.embedding_size=16",
    "model.network.hidden_size=96",
    "optimizer.lr=0.01",
)


def relative_losses(
    checkpoint: Path, path: Path, prompts: Sequence[str], capsys: pytest.CaptureFixture
) -> list[float]:
    """Nats of generated text under 5-grams of the training part, as shares of the validation part's."""
    text = path.read_text(encoding="utf-8")
    cut = int(0.9 * len(text))
    codec = TextCodec.fit(text[:cut], "char")
    counted = NgramModel(codec.encode(text[:cut]), len(codec), 5)
    expected = counted.nll(codec.encode(text[cut:])).mean()
    found = []
    for prompt in prompts:
        capsys.readouterr()
        options = ("--prompt", prompt) if prompt else ()
        assert main(("generate", str(checkpoint), *options)) == 0
        written = codec.encode(capsys.readouterr().out.removesuffix("\n"))
        assert len(written) == len(prompt) + 500
        found.append(float(counted.nll(written)[max(len(prompt) - 1, 0) :].mean() / expected))
    return found


@pytest.mark.soak
def test_phrases(call: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "phrases.txt"
    path.write_text("".join(f"{english}\n" for english, _ in phrase_pairs()), encoding="utf-8")
    run = call(tmp_path / "run", *RECIPE, *SMALL, f"data.path={path}")
    prompts = ("", "The teacher", "The kind", "Did the", "teacher", "will cook fruit.\n", "er ", ". The")
    found = relative_losses(run.folder / "checkpoints/best.ckpt", path, prompts, capsys)
    assert np.mean(found) == pytest.approx(1, abs=0.15)


@pytest.mark.soak
def test_shakespeare(
    root: Path, call: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """A network that never began from no state wrote noise here, at up to 2.4 times these nats."""
    path = root.parent / "shared/data/text/tinyshakespeare.txt"
    if not path.is_file():
        pytest.skip(f"no text of Shakespeare at {path}")
    run = call(tmp_path / "run", *RECIPE, f"data.path={path}")
    prompts = ("", "ROMEO:", "KING RICHARD III:\n", "First Citizen:", "JULIET:\nO ", "What ", "the ")
    prompts += ("My lord, ", "\n\nMENENIUS:", "Enter", "To be, or not to be")
    found = relative_losses(run.folder / "checkpoints/best.ckpt", path, prompts, capsys)
    assert found == pytest.approx([1] * len(found), abs=0.15)
