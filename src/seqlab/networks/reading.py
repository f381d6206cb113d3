"""Reading a text on with any language model: by its state, or by a window of the tokens before."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

WINDOW = 256  # tokens that a network without a state and without a context_size is given


def read_on(
    network: nn.Module, tokens: Tensor, state: Any = None, before: Tensor | None = None
) -> tuple[Tensor, Any, Tensor | None]:
    """Read tokens that go on where others ended.

    A network without a state is given windows of ``network.context_size`` tokens: each prediction has at
    least half a window before it, or all since the text began.

    Args:
        tokens: (B, T) ids.
        state, before: what the last call gave; None where the text begins.

    Returns:
        (B, T, V) logits; the state, None of a network without one; (B, K) the tokens that such a network is
        given again, None of one with a state.
    """
    window = window_of(network)
    fits = state is not None or not hasattr(network, "context_size") or tokens.shape[1] <= window
    if before is None and fits:
        logits, state = network(tokens, state)
        if state is not None:
            return logits, state, None
    else:
        logits = _by_windows(network, tokens, before, window)
    read = tokens if before is None else torch.cat((before, tokens), dim=1)
    return logits, None, read[:, max(read.shape[1] - window + 1, 0) :]


def window_of(network: nn.Module) -> int:
    """Tokens that a network without a state is given at a time."""
    return int(getattr(network, "context_size", WINDOW))


def _by_windows(network: nn.Module, tokens: Tensor, before: Tensor | None, window: int) -> Tensor:
    read = tokens if before is None else torch.cat((before, tokens), dim=1)
    done, length = read.shape[1] - tokens.shape[1], read.shape[1]
    parts = []
    while done < length:
        end = min(window if done == 0 else done + (window + 1) // 2, length)
        begin = max(end - window, 0)
        parts.append(network(read[:, begin:end], None)[0][:, done - begin :])
        done = end
    return torch.cat(parts, dim=1)
