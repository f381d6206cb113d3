"""The Transformer written out: one row, one step, one head at a time, turned by complex numbers."""

import cmath
import math
from typing import Any

import torch
from torch import Tensor


def linear(layer: Any, vector: Tensor) -> Tensor:
    return layer.weight @ vector + layer.bias


def norm(layer: Any, vector: Tensor) -> Tensor:
    centered = vector - vector.mean()
    return centered / (centered.square().mean() + layer.eps).sqrt() * layer.weight + layer.bias


def turn(vector: Tensor, place: int) -> Tensor:
    half = len(vector) // 2
    angles = [cmath.exp(1j * place * 10_000 ** (-pair / half)) for pair in range(half)]
    pairs = torch.complex(vector[:half], vector[half:]) * torch.tensor(angles, dtype=torch.complex64)
    return torch.cat((pairs.real, pairs.imag))


def weighted(query: Tensor, keys: list[Tensor], values: list[Tensor]) -> Tensor:
    """The mean of values, weighted by the exponents of scores."""
    weights = [torch.exp(query @ key / math.sqrt(len(query))) for key in keys]
    return sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)  # type: ignore[return-value]


def read_own(attention: Any, steps: list[Tensor], reach: int, *, is_causal: bool) -> list[Tensor]:
    """Self-attention of a row; a causal step reads itself and the ``reach - 1`` before it."""
    made = [linear(attention.queries_keys_values, step).chunk(3) for step in steps]
    heads = attention.num_heads
    found = []
    for place, (query, _, _) in enumerate(made):
        seen = range(max(place - reach + 1, 0), place + 1) if is_causal else range(len(steps))
        parts = [
            weighted(
                turn(query.chunk(heads)[head], place),
                [turn(made[other][1].chunk(heads)[head], other) for other in seen],
                [made[other][2].chunk(heads)[head] for other in seen],
            )
            for head in range(heads)
        ]
        found.append(linear(attention.output, torch.cat(parts)))
    return found


def feed_forward(block: Any, step: Tensor) -> Tensor:
    inner = linear(block.feed_forward[0], norm(block.feed_forward_norm, step))
    inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
    return step + linear(block.feed_forward[3], inner)


def run_block(block: Any, steps: list[Tensor], reach: int = 10**9, *, is_causal: bool) -> list[Tensor]:
    read = read_own(
        block.attention, [norm(block.attention_norm, step) for step in steps], reach, is_causal=is_causal
    )
    return [feed_forward(block, step + part) for step, part in zip(steps, read, strict=True)]


def translate_forced(network: Any, source: list[int], written: list[int]) -> Tensor:
    """(T, H) readouts of Seq2SeqTransformer for one pair."""
    scale = math.sqrt(network.encoder.embedding.embedding_dim)
    steps = [network.encoder.embedding.weight[token] * scale for token in source]
    for block in network.encoder.blocks:
        steps = run_block(block, steps, is_causal=False)
    projected = [
        linear(network.decoder.source_keys_values, norm(network.encoder.norm, step)) for step in steps
    ]
    size = network.decoder.head_size * network.decoder.num_heads
    steps = [network.decoder.embedding.weight[token] * scale for token in written]
    for number, block in enumerate(network.decoder.blocks):
        read = read_own(
            block.attention, [norm(block.attention_norm, step) for step in steps], 10**9, is_causal=True
        )
        steps = [step + part for step, part in zip(steps, read, strict=True)]
        heads = block.cross_attention.num_heads
        keys = [one[2 * number * size : (2 * number + 1) * size].chunk(heads) for one in projected]
        values = [one[(2 * number + 1) * size : (2 * number + 2) * size].chunk(heads) for one in projected]
        for place, step in enumerate(steps):
            query = linear(block.cross_attention.queries, norm(block.cross_norm, step)).chunk(heads)
            parts = [
                weighted(query[head], [one[head] for one in keys], [one[head] for one in values])
                for head in range(heads)
            ]
            steps[place] = step + linear(block.cross_attention.output, torch.cat(parts))
        steps = [feed_forward(block, step) for step in steps]
    return torch.stack([norm(network.decoder.norm, step) for step in steps])
