"""Trained networks as files that run without seqlab: ONNX or torch.export, settings beside them."""
