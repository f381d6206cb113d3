"""Networks with other layers than torch's cells are exported as they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqlab.exporting.export import export

TCN = {
    "_target_": "seqlab.networks.temporal_convolution.TemporalConvolution",
    "_partial_": True,
    "num_blocks": 2,
}
MOST = [
    ("gru_ae", {"attention": "none", "cell": TCN}),
    ("char_rnn", {"cell": "minlstm", "num_layers": 2}),
    ("lstm", {"cell": TCN, "num_readers": 2}),
    ("name_classifier", {"pooling": "all", "cell": TCN}),
    ("tagger", {"cell": "mingru", "num_layers": 2}),
    ("seq2seq", {"attention": "general", "cell": TCN, "decoder_layers": 2, "attend_after": "first"}),
    ("seq2seq", {"attention": "general", "cell": "mingru", "decoder_layers": 2}),
]
SETTINGS = [
    ("gru", {"cell": "mingru"}),
    ("char_rnn", {"cell": TCN}),
    *(pytest.param(*case, marks=pytest.mark.soak) for case in MOST),
]


@pytest.mark.parametrize("kind", ["onnx", "torch"])
@pytest.mark.parametrize(("model", "settings"), SETTINGS)
def test_what_is_written_equals_torch(
    make_task: Callable[..., Any], tmp_path: Path, model: str, settings: dict[str, Any], kind: str
) -> None:
    written = export(*make_task(model, **settings), kind, tmp_path / "out")
    assert written.largest_difference < 1e-5
    assert {batch for batch, _ in written.shapes} == {1, 5, 64}
