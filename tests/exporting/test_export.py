"""Files that were written are run again: by onnxruntime, and by torch."""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from seqlab.errors import UserError
from seqlab.exporting.export import compared, export
from seqlab.tasks.language_model import LanguageModel
from seqlab.tasks.next_event import NextEvent

MakeTask = Callable[..., Any]
SETTINGS = [
    ("gru", {"cell": "gru"}),
    ("gru", {"cell": "lstm", "num_layers": 2}),
    ("gru", {"cell": "rnn", "share_prefixes": False}),
    ("gru_ae", {"attention": "none", "num_layers": 2}),
    ("gru_ae", {"attention": "general", "cell": "lstm"}),
    ("gru_ae", {"attention": "location", "bottleneck_size": 3}),
    ("gru_ae", {"attention": "concat", "bidirectional": False}),
    ("char_rnn", {"cell": "lstm"}),
    ("char_rnn", {"cell": "gru", "input": "one_hot"}),
    ("lstm", {"cell": "lstm"}),
    ("lstm", {"cell": "gru", "num_layers": 2, "num_readers": 2}),
    ("name_classifier", {"pooling": "all", "ngram_size": 3, "num_readers": 2}),
    ("name_classifier", {"pooling": "max", "cell": "lstm", "bidirectional": False}),
    ("name_classifier", {"pooling": "last_direction", "num_layers": 2}),
    ("tagger", {"cell": "gru", "num_layers": 2}),
    ("tagger", {"char_encoder": "none", "shape_size": 0}),
    ("seq2seq", {"attention": "general", "decoder_layers": 2, "attend_after": "first"}),
    ("seq2seq", {"attention": "none", "cell": "lstm", "bidirectional": False}),
    ("seq2seq", {"attention": "location", "cell": "lstm", "encoder_layers": 2}),
    ("transformer", {"encoder_layers": 1, "decoder_layers": 2}),
]


@pytest.mark.parametrize("kind", ["onnx", "torch"])
@pytest.mark.parametrize(("model", "settings"), SETTINGS, ids=str)
def test_every_network_equals_torch(
    make_task: MakeTask, tmp_path: Path, model: str, settings: dict[str, Any], kind: str
) -> None:
    task, contents = make_task(model, **settings)
    written = export(task, contents, kind, tmp_path / "out")
    assert written.largest_difference < 1e-5
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(
        ["out", *(path.name for path in written.networks), "settings.json"]
    )
    assert {batch for batch, _ in written.shapes} == {1, 5, 64}


def test_the_onnx_file_by_itself(make_task: MakeTask, tmp_path: Path) -> None:
    """Run outside of what the export checks with: names, types, and any batch and length."""
    task, contents = make_task("gru")
    written = export(task, contents, "onnx", tmp_path)
    session = onnxruntime.InferenceSession(str(written.networks[0]))
    assert [(given.name, given.type) for given in session.get_inputs()] == [("contexts", "tensor(int64)")]
    rng = np.random.default_rng(0)
    for shape in ((2, 6), (100, 6), (3, 33)):
        contexts = rng.integers(0, 9, shape)
        (found,) = session.run(["log_probabilities"], {"contexts": contexts})
        with torch.no_grad():
            expected = task.network(torch.from_numpy(contexts)).log_softmax(dim=-1)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
        np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, rtol=1e-5)


def test_settings_hold_everything_as_plain_values(make_task: MakeTask, tmp_path: Path) -> None:
    task, contents = make_task("gru")
    contents = contents._replace(
        judge={
            "thresholds": {"nll_max": {"value": 9.1234567890123456, "method": "a tail"}},
            "count_vectors": torch.tensor([[1, 2], [3, 4]], dtype=torch.int32),
            "pseudo_sessions": np.float64(1.0),
        }
    )
    contents.data["parser"] = {"pattern": "blk_-?\\d+"}
    settings = json.loads(export(task, contents, "onnx", tmp_path).settings.read_text(encoding="utf-8"))
    assert settings["format"] == 1
    assert settings["vocabulary"] == contents.data["vocabulary"]
    assert settings["data"] == {
        "window_size": 6,
        "context": "from_start",
        "parser": {"pattern": "blk_-?\\d+"},
    }
    assert settings["judge"] == {
        "thresholds": {"nll_max": {"value": 9.1234567890123456, "method": "a tail"}},
        "count_vectors": [[1, 2], [3, 4]],
        "pseudo_sessions": 1.0,
    }
    assert settings["network"]["format"] == "onnx"
    network = settings["network"]["files"]["model.onnx"]
    assert network["sha256"] == hashlib.sha256((tmp_path / "model.onnx").read_bytes()).hexdigest()
    assert network["inputs"] == {"contexts": {"type": "int64", "axes": ["batch", "length"]}}
    assert network["outputs"] == {"log_probabilities": {"type": "float32", "axes": ["batch", 9]}}
    assert network["largest_difference_from_torch"] < 1e-5


def test_a_folder_holds_one_export(make_task: MakeTask, tmp_path: Path) -> None:
    task, contents = make_task("lstm")
    export(task, contents, "onnx", tmp_path)
    export(task, contents, "onnx", tmp_path)  # replaced
    with pytest.raises(UserError, match=r"it holds model\.onnx of another export; give another --output DIR"):
        export(task, contents, "torch", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx", "settings.json"]


def test_what_is_not_exported_is_named(make_task: MakeTask, tmp_path: Path) -> None:
    task, contents = make_task("tagger", crf=True)
    with pytest.raises(UserError, match=r"Tagger of Tagging cannot be exported: its CRF.*crf=false"):
        export(task, contents, "onnx", tmp_path / "out")
    assert not list(tmp_path.iterdir())


class Attention(nn.Module):
    """A network that seqlab does not know: one layer of attention, causal, over at most 40 tokens."""

    context_size = 40

    def __init__(self, *, text: bool) -> None:
        super().__init__()
        self.text = text
        self.tokens, self.places = nn.Embedding(9, 8), nn.Embedding(40, 8)
        self.queries, self.keys, self.output = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 9)

    def forward(self, tokens: torch.Tensor, state: None = None) -> Any:
        places = torch.arange(tokens.shape[1])
        read = self.tokens(tokens) + (self.places(places) if self.text else 0)
        scores = self.queries(read) @ self.keys(read).transpose(1, 2)
        scores = scores.masked_fill(places[:, None] < places, -torch.inf)
        logits = self.output(scores.softmax(dim=-1) @ read)
        return (logits, None) if self.text else logits[:, -1]


class Encoder(Attention):
    """torch's own layer, of which its tracer keeps sizes."""

    def __init__(self) -> None:
        super().__init__(text=False)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, tokens: torch.Tensor, state: None = None) -> Any:
        return self.output(self.layer(self.tokens(tokens)))[:, -1]


@pytest.mark.parametrize("kind", ["onnx", "torch"])
@pytest.mark.parametrize("text", [False, True])
def test_a_network_of_another_package_is_traced_as_it_is(
    make_task: MakeTask, tmp_path: Path, kind: str, text: bool
) -> None:
    torch.manual_seed(0)
    network = Attention(text=text)
    task = LanguageModel(pad_id=0, network=network) if text else NextEvent(unk_id=3, network=network)
    _, contents = make_task("gru")
    written = export(task.eval(), contents, kind, tmp_path)
    assert written.largest_difference < 1e-5
    assert written.num_values > 600
    assert max(length for _, length in written.shapes) <= 40


def test_a_network_that_cannot_be_traced_is_told(make_task: MakeTask, tmp_path: Path) -> None:
    class Odd(Attention):
        def forward(self, tokens: torch.Tensor, state: None = None) -> Any:
            return torch.special.bessel_j0(super().forward(tokens))

    _, contents = make_task("gru")
    task = NextEvent(unk_id=3, network=Odd(text=False)).eval()
    with pytest.raises(
        UserError, match=r"Odd cannot be exported: torch cannot trace it \(.*bessel_j0.*traceable"
    ):
        export(task, contents, "onnx", tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(UserError, match=r"the exported file fails on a batch of 1 .*traceable"):
        export(NextEvent(unk_id=3, network=Encoder()).eval(), contents, "onnx", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_torch_without_the_private_tables_exports_all_but_recurrent_layers(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqlab.exporting.formats._PRIVATE", ("moved_elsewhere",))
    task, contents = make_task("gru")
    with pytest.raises(UserError, match="GRUPredictor cannot be exported: torch cannot trace it"):
        export(task, contents, "torch", tmp_path)
    attention = NextEvent(unk_id=3, network=Attention(text=False)).eval()
    assert export(attention, contents, "torch", tmp_path).largest_difference < 1e-5


def test_another_network_is_found_out(make_task: MakeTask) -> None:
    task, contents = make_task("gru")
    graph = task.one_pass(contents.sizes, contents.data)
    assert compared(graph, graph.module)[0] < 1e-5

    def shifted(contexts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (graph.module(contexts)[0] + 3e-4,)

    with pytest.raises(UserError, match=r"differs from torch by 0.0003, more than 1e-05; nothing was kept"):
        compared(graph, shifted)
    with pytest.raises(UserError, match="differs from torch by inf"):
        compared(graph, lambda contexts: (graph.module(contexts)[0] * float("nan"),))


def test_a_package_that_is_missing_is_named(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # Python's own way to make an import fail
    task, contents = make_task("gru")
    with pytest.raises(UserError, match=r"needs the package onnxruntime: pip install 'seqlab\[onnx\]'"):
        export(task, contents, "onnx", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_told(make_task: MakeTask, tmp_path: Path) -> None:
    task, contents = make_task("lstm")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file.*cannot be written"):
        export(task, contents, "torch", tmp_path / "file" / "out")
