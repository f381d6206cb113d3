"""Recurrent layers over many rows of tokens at once, each shared prefix computed once.

Windows and sessions of a log start alike. With every distinct prefix a node of a tree, level t holds the
distinct prefixes of t + 1 tokens, and a recurrent step runs once per node, not once per row and step. The
numbers are those of the plain layers.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Level(NamedTuple):
    """The N nodes of one level."""

    tokens: Tensor  # (N,) int64, the last token of each prefix
    parents: Tensor  # (N,) int64, node of the level before; 0 at the first level


class PrefixTree(NamedTuple):
    """The distinct prefixes of C rows of W tokens."""

    levels: list[Level]  # W of them
    nodes: list[Tensor]  # W of (C,) int64: the node of each row at that level


def prefix_tree(rows: Tensor, vocab_size: int) -> PrefixTree:
    """Number the distinct prefixes of (C, W) rows, level by level."""
    node = torch.zeros(len(rows), dtype=torch.long, device=rows.device)
    levels, nodes = [], []
    for tokens in rows.unbind(dim=1):
        pairs, node = torch.unique(node * vocab_size + tokens, return_inverse=True)
        levels.append(Level(pairs % vocab_size, pairs // vocab_size))
        nodes.append(node)
    return PrefixTree(levels, nodes)


def _step(cell: str, inputs: Tensor, recurrent: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """One step of a cell from its two linear maps, as torch.nn documents it.

    Args:
        inputs: (N, G) ``W_ih x + b_ih``, gates side by side.
        recurrent: (N, G) ``W_hh h + b_hh``.
        state: (N, H) each: ``(h,)``, or ``(h, c)`` for an LSTM.
    """
    if cell == "RNN_TANH":
        return (torch.tanh(inputs + recurrent),)
    if cell == "GRU":
        reset_in, update_in, new_in = inputs.chunk(3, dim=1)
        reset_re, update_re, new_re = recurrent.chunk(3, dim=1)
        new = torch.tanh(new_in + torch.sigmoid(reset_in + reset_re) * new_re)
        return (new + torch.sigmoid(update_in + update_re) * (state[0] - new),)
    enter, forget, new, leave = (inputs + recurrent).chunk(4, dim=1)
    memory = torch.sigmoid(forget) * state[1] + torch.sigmoid(enter) * torch.tanh(new)
    return torch.sigmoid(leave) * torch.tanh(memory), memory


def node_states(
    recurrent: nn.RNNBase, embedding: nn.Embedding, tree: PrefixTree, *, reverse: bool = False
) -> list[tuple[Tensor, ...]]:
    """The top layer's states of every node: W levels of (N, H) each, for an LSTM with its cell.

    Equal to the plain layers' up to rounding, gradients included. Dropout between layers draws one mask per
    distinct prefix. Rows are taken with ``index_select``: its backward pass adds rows up in one go, that of
    ``[]`` indexing sorts them first.

    Args:
        reverse: use the weights of the backward direction of a bidirectional layer.
    """
    num_states = 2 if recurrent.mode == "LSTM" else 1
    suffix = "_reverse" if reverse else ""
    names = ("weight_ih", "bias_ih", "weight_hh", "bias_hh")
    weights = [
        [getattr(recurrent, f"{name}_l{layer}{suffix}") for name in names]
        for layer in range(recurrent.num_layers)
    ]
    # the first layer's input map of every token, computed once for all nodes; looked up and not read off the
    # weight, so that padding's embedding gets no gradient
    every_token = torch.arange(embedding.num_embeddings, device=embedding.weight.device)
    token_inputs = F.linear(embedding(every_token), weights[0][0], weights[0][1])  # (V, G)
    root = embedding.weight.new_zeros(1, recurrent.hidden_size)
    states: list[tuple[Tensor, ...]] = [(root,) * num_states] * recurrent.num_layers
    top: list[tuple[Tensor, ...]] = []
    for level in tree.levels:
        inputs = token_inputs.index_select(0, level.tokens)
        for layer, (weight_in, bias_in, weight_re, bias_re) in enumerate(weights):
            if layer > 0:
                below = F.dropout(states[layer - 1][0], recurrent.dropout, recurrent.training)
                inputs = F.linear(below, weight_in, bias_in)
            before = states[layer]
            pushed = F.linear(before[0], weight_re, bias_re).index_select(0, level.parents)
            parents = tuple(part.index_select(0, level.parents) for part in before)
            states[layer] = _step(recurrent.mode, inputs, pushed, parents)
        top.append(states[-1])
    return top


def last_states(recurrent: nn.RNNBase, embedding: nn.Embedding, rows: Tensor) -> Tensor:
    """(C, W) token ids to (C, H): ``recurrent(embedding(rows))[0][:, -1]``, shared prefixes run once."""
    tree = prefix_tree(rows, embedding.num_embeddings)
    return node_states(recurrent, embedding, tree)[-1][0].index_select(0, tree.nodes[-1])


def all_states(
    recurrent: nn.RNNBase, embedding: nn.Embedding, rows: Tensor, *, reverse: bool = False
) -> tuple[Tensor, ...]:
    """(C, W) token ids to the (C, W, H) states after every token, for an LSTM its cells too."""
    tree = prefix_tree(rows, embedding.num_embeddings)
    levels = node_states(recurrent, embedding, tree, reverse=reverse)
    first, places = 0, []  # of each level's nodes among all nodes
    for level, node in zip(tree.levels, tree.nodes, strict=True):
        places.append(node + first)
        first += len(level.tokens)
    place = torch.stack(places, dim=1)  # (C, W)
    return tuple(
        torch.cat(parts).index_select(0, place.flatten()).unflatten(0, place.shape)
        for parts in zip(*levels, strict=True)
    )
