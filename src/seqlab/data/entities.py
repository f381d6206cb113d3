"""DataModule of sentences with named entities: TaggedText whose synthetic sentences hold entities."""

from __future__ import annotations

from seqlab.data.conll import TaggedSentences
from seqlab.data.tagged_text import TaggedText


class Entities(TaggedText):
    """Sentences with BIO tags: from the user's files, or synthetic when no file is given."""

    def simulate(self) -> tuple[TaggedSentences, str]:
        from seqlab.data.samples.entities import SYNTHETIC_NOTICE, simulate_sentences

        return simulate_sentences(**self.sample), SYNTHETIC_NOTICE
