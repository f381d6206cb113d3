"""Generated text, measured by what 5-grams of the training text make of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqlab.cli import main
from seqlab.data.samples.korean import phrase_pairs
from seqlab.data.text_codec import TextCodec
from seqlab.evaluation.ngrams import NgramModel

PROMPTS = (
    "The teacher",
    "The kind",
    "A",
    "Did the",
    "teacher",
    "will cook fruit.\n",
    "The doctor and",
    "er ",
    "school",
    ". The",
)
SMALL = (
    "experiment=shakespeare_quick",
    "data.num_streams=4",
    "data.seq_length=48",
    "model.network.embedding_size=16",
    "model.network.hidden_size=96",
    "optimizer.lr=0.01",
    "trainer.precision=32-true",
    "trainer.enable_progress_bar=false",
)


@pytest.fixture(scope="module")
def phrases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6,000 English sentences, one a line."""
    path = tmp_path_factory.mktemp("text") / "phrases.txt"
    path.write_text("".join(f"{english}\n" for english, _ in phrase_pairs()), encoding="utf-8")
    return path


def test_generated_text_is_as_likely_as_the_validation_text(
    phrases: Path, call: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Of ten prompts and of none, all at the default settings; 500 characters alone are a smaller sample."""
    run = call(tmp_path / "run", *SMALL, f"data.path={phrases}")
    text = phrases.read_text(encoding="utf-8")
    cut = int(0.9 * len(text))
    codec = TextCodec.fit(text[:cut], "char")
    counted = NgramModel(codec.encode(text[:cut]), len(codec), 5)
    expected = counted.nll(codec.encode(text[cut:])).mean()
    found = []
    for prompt in ("", *PROMPTS):
        capsys.readouterr()
        options = ("--prompt", prompt) if prompt else ()
        assert main(("generate", str(run.folder / "checkpoints/best.ckpt"), *options)) == 0
        written = codec.encode(capsys.readouterr().out.removesuffix("\n"))
        assert len(written) == len(prompt) + 500
        found.append(counted.nll(written)[max(len(prompt) - 1, 0) :].mean())
    assert np.mean(found) == pytest.approx(expected, rel=0.15)
    assert found == pytest.approx([expected] * len(found), rel=0.3)
