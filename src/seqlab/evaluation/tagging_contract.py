"""The contract of tagging: all that judging reads of a data set of tagged sentences.

``TaggedText`` (data/tagged_text.py) fulfills it; another class may as well. ``TaggingEvaluation.check`` tells
of what is missing before anything is trained.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seqlab.data.conll import TaggedSentences
from seqlab.data.loaders import IndexBatches
from seqlab.data.tag_batches import TagDataset
from seqlab.data.tag_schemes import TagScheme


class TaggedData(Protocol):
    """Tagged sentences in three splits, of which test is locked until ``open_test``."""

    @property
    def tag_scheme(self) -> TagScheme:
        """BioTags or PlainTags of data/tag_schemes.py: what the tags mean, and their ids."""

    @property
    def sizes(self) -> dict[str, int]:
        """What the network needs to know: num_tags, tags_are_bio, ..."""

    def sentences(self, split: str) -> TaggedSentences:
        """Tokens and tags of a split, in its own order."""

    def tag_ids(self, split: str) -> NDArray[np.int64]:
        """(N,) tag ids of a split's tokens; those that training lacks are ``num_tags`` or more."""

    def dataset(self, split: str) -> TagDataset:
        """What turns (B,) sentence numbers into a TagBatch."""

    def scoring_batches(self, split: str) -> IndexBatches:
        """Sentence numbers in batches, each sentence once."""

    def state(self) -> dict[str, Any]:
        """Plain values for the checkpoint: ``coder``, and ``types`` or ``tags``."""

    def facts(self) -> list[tuple[str, str]]:
        """What the data is, in numbers, for the report; reads no test sentence."""

    def write_files(self, folder: Path) -> None:
        """Write what a reader of the run folder may want to see, as text."""
