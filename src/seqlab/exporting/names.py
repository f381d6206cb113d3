"""Names of the files of an export, for those who write one and those who read one without torch."""

from __future__ import annotations

NETWORKS = {"onnx": "model.onnx", "torch": "model.pt"}  # by format
SETTINGS = "settings.json"
