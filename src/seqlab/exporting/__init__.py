"""Trained networks as files that run without seqlab: ONNX or TorchScript, settings beside them."""
