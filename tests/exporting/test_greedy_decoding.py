"""The decoder of docs/exporting.md, as it stands there, beside the package's own search."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqlab.exporting.export import export
from seqlab.search.beam import greedy_search


@pytest.mark.parametrize(("model", "settings"), [("seq2seq", {"cell": "lstm"}), ("transformer", {})])
def test_the_documented_decoder_writes_what_greedy_search_writes(
    make_task: Callable[..., Any], tmp_path: Path, root: Path, model: str, settings: dict[str, Any]
) -> None:
    page = (root / "docs/exporting.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(compile(code[1], "exporting.md", "exec"), names)
    task, contents = make_task(model, **settings)
    contents.sizes["unk_id"] = 3
    export(task, contents, "onnx", tmp_path / "out")
    source = torch.tensor([[5, 6, 7, 2], [8, 2, 0, 0], [4, 5, 2, 0]])
    lengths = torch.tensor([4, 2, 3])
    expected = [found.tokens for found in greedy_search(task.network, source, lengths, unk_id=3)]
    found = names["translate"](tmp_path / "out", source.numpy(), lengths.numpy())
    assert found == expected
    assert len({tuple(tokens) for tokens in found}) > 1
