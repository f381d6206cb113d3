"""Exported networks whose state grows: cached keys and values."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from seqlab.exporting.export import export
from seqlab.networks.transformer_layers import TransformerLayers

MakeTask = Callable[..., Any]
LAYERS = partial(TransformerLayers, num_heads=2, context_size=170)


def test_a_text_is_read_token_by_token_from_nothing(make_task: MakeTask, tmp_path: Path) -> None:
    """And beyond ``context_size``: the file forgets what the network forgets."""
    cell = partial(LAYERS, context_size=100)
    task, contents = make_task("char_rnn", cell=cell, num_layers=2)
    task.network.context_size = 45  # the check then stays below the layers' own
    written = export(task, contents, "onnx", tmp_path)
    files = json.loads(written.settings.read_text(encoding="utf-8"))["network"]["files"]
    inputs = files["model.onnx"]["inputs"]
    assert inputs["state0"]["axes"] == [1, "batch", "written"]
    assert inputs["state1"]["axes"] == [1, "batch", 2, "written", 4]
    session = onnxruntime.InferenceSession(str(written.networks[0]))
    tokens = np.random.default_rng(0).integers(1, 9, (2, 130))
    state = {f"state{number}": np.zeros((1, 2, 2, 0, 4), np.float32) for number in range(1, 5)}
    state["state0"] = np.zeros((1, 2, 0), np.float32)
    found = []
    for step in range(130):
        outputs = session.run(None, {"tokens": tokens[:, step : step + 1], **state})
        found.append(outputs[0])
        state = dict(zip([f"state{number}" for number in range(5)], outputs[1:], strict=True))
    assert state["state0"].shape == (1, 2, 99)
    with torch.no_grad():
        expected = task.network(torch.from_numpy(tokens))[0].log_softmax(dim=-1)
    np.testing.assert_allclose(np.concatenate(found, axis=1), expected, rtol=0, atol=1e-5)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["onnx", "torch"])
@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("transformer", {"encoder_layers": 2, "decoder_layers": 2}),
        ("gru", {"num_layers": 2}),
        ("gru_ae", {"attention": "none"}),
        ("gru_ae", {"attention": "general", "num_layers": 2}),
        ("char_rnn", {"num_layers": 2}),
        ("lstm", {"num_readers": 2}),
        ("name_classifier", {"pooling": "all"}),
        ("tagger", {"num_layers": 2}),
        ("seq2seq", {"decoder_layers": 2, "attend_after": "first"}),
    ],
    ids=str,
)
def test_every_network_with_attention_equals_torch(
    make_task: MakeTask, tmp_path: Path, model: str, settings: dict[str, Any], kind: str
) -> None:
    cell = {} if model == "transformer" else {"cell": LAYERS}
    task, contents = make_task(model, **settings, **cell)
    assert export(task, contents, kind, tmp_path / "out").largest_difference < 1e-5
