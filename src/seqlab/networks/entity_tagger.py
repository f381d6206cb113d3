"""The name that checkpoints of entity taggers hold."""

from seqlab.networks.tagger import Tagger as EntityTagger

__all__ = ["EntityTagger"]
