"""The classifier by its first name: what model=name_classifier and older checkpoints build."""

from __future__ import annotations

from typing import Any

from seqlab.networks.recurrent import check_share
from seqlab.networks.sequence_classifier import SequenceClassifier


class NameClassifier(SequenceClassifier):
    """A SequenceClassifier whose tokens are characters.

    Args:
        character_dropout: share of the characters read as UNK while training.
        **settings: those of SequenceClassifier.

    Raises:
        UserError: a setting out of range.
    """

    def __init__(self, *, character_dropout: float = 0.0, **settings: Any) -> None:
        check_share("character_dropout", character_dropout)
        super().__init__(token_dropout=character_dropout, **settings)
