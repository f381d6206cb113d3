"""``seqlab predict`` and ``seqlab generate`` for language models: the cost of a text, and new text."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from seqlab.data.batches import TextBatch
from seqlab.data.text_codec import TextCodec, clean_text
from seqlab.data.text_files import read_lines
from seqlab.errors import UserError
from seqlab.evaluation.text_lines import line_table
from seqlab.search.sampling import Sampling, sample_tokens
from seqlab.tasks.base import SequenceTask
from seqlab.tasks.language_model import LanguageModel, score_tokens

if TYPE_CHECKING:
    import pandas as pd

TOKENS_A_STREAM = 4096  # at least: each stream's first token is predicted from nothing
MOST_STREAMS = 64


def predict_text(task: SequenceTask, baggage: dict[str, Any], path: Path) -> pd.DataFrame:
    """One row per line of a text file: number, tokens, loss in nats per token, unknown tokens, text.

    Raises:
        UserError: a file that is not UTF-8 text or holds less than two tokens; a checkpoint of another model.
    """
    codec = codec_of(task, baggage)
    text = clean_text("\n".join(read_lines(path, "a text")))
    ids = codec.encode(text)
    if len(ids) < 2:
        raise UserError(
            f"{path}: {len(ids)} {codec.unit_name}; at least 2 are needed, one to read and one to predict"
        )
    num_streams = min(max(len(ids) // TOKENS_A_STREAM, 1), MOST_STREAMS)
    assert isinstance(task, LanguageModel)
    scores = score_tokens(task, torch.from_numpy(ids), num_streams=num_streams)
    return line_table(codec, text, scores.nll.double().numpy())


def encoder(baggage: dict[str, Any]) -> Callable[[Any], TextBatch]:
    """A text to a batch of one row: every token but the last, and after each the one that comes.

    Args:
        baggage: of the checkpoint; see ``load_task``.
    """
    state = baggage["data"]
    codec = TextCodec.from_state(state["codec"])

    def encode(items: Any) -> TextBatch:
        ids = codec.encode(clean_text(str(items)))
        if len(ids) < 2:
            raise UserError(f"encode({items!r}): {len(ids)} {codec.unit_name}; at least 2 are needed")
        row = torch.from_numpy(ids)[None]
        return TextBatch(row[:, :-1], row[:, 1:], torch.ones(1, dtype=torch.bool))

    return encode


def codec_of(task: SequenceTask, baggage: dict[str, Any]) -> TextCodec:
    """The codec of a language model's checkpoint.

    Raises:
        UserError: the checkpoint is of another kind of model.
    """
    if not isinstance(task, LanguageModel):
        raise UserError(
            f"this checkpoint holds {type(task).__name__}, which writes no text; give one of model=char_rnn"
        )
    return TextCodec.from_state(baggage["data"]["codec"])


def write_on(
    task: SequenceTask, baggage: dict[str, Any], prompt: str, *, length: int, sampling: Sampling, seed: int
) -> Iterator[str]:
    """The pieces of a text that goes on after ``prompt``, as they are drawn; the prompt is not repeated.

    Without a prompt it begins after a line's end, or as the training text began where that has no lines.

    What the training text did not hold is read as unknown, and said once on standard error.

    Args:
        length: tokens to write.

    Raises:
        UserError: the checkpoint is of another kind of model.
    """
    codec = codec_of(task, baggage)
    prompt = clean_text(prompt)
    unseen = codec.unseen(prompt)
    if unseen:
        print(
            f"note: the training text holds no {', '.join(map(repr, unseen))}: read as unknown",
            file=sys.stderr,
        )
    ids = codec.encode(prompt).tolist() or [codec.start]
    drawn = sample_tokens(
        task.network,
        ids,
        sampling=sampling,
        forbidden=codec.unwritable,
        seed=seed,
    )
    is_line_start = not prompt or prompt.endswith("\n")
    if not prompt and codec.piece(codec.start) != "\n":
        yield codec.piece(codec.start)
        length -= 1
    for _ in range(length):
        piece = codec.piece(next(drawn))
        yield piece.removeprefix(" ") if is_line_start and codec.unit == "word" else piece
        is_line_start = piece == "\n"
