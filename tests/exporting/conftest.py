"""Small tasks with weights that are not small, and what their checkpoints would carry."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from torch import nn

from seqlab.data.vocabulary import SPECIAL_TOKENS
from seqlab.evaluation.base import Contents
from seqlab.tasks.base import SequenceTask

VOCABULARY = {
    "tokens": [*SPECIAL_TOKENS, "5", "22", "11", "9", "26"],
    "counts": [0, 50, 50, 0, 90, 60, 30, 20, 10],
}
SPECIALS = {"pad_id": 0, "unk_id": 3}
NETWORKS: dict[str, dict[str, Any]] = {
    "gru": {
        "_target_": "seqlab.tasks.next_event.NextEvent",
        "unk_id": 3,
        "network": {"_target_": "seqlab.networks.gru_predictor.GRUPredictor", "vocab_size": 9, **SPECIALS},
    },
    "gru_ae": {
        "_target_": "seqlab.tasks.reconstruction.Reconstruction",
        "unk_id": 3,
        "network": {
            "_target_": "seqlab.networks.gru_autoencoder.GRUAutoencoder",
            "vocab_size": 9,
            "max_length": 6,
            **SPECIALS,
        },
    },
    "char_rnn": {
        "_target_": "seqlab.tasks.language_model.LanguageModel",
        "pad_id": 0,
        "network": {"_target_": "seqlab.networks.char_rnn.CharRNN", "vocab_size": 9, "pad_id": 0},
    },
    "lstm": {
        "_target_": "seqlab.tasks.regression.Regression",
        "network": {
            "_target_": "seqlab.networks.series_regressor.SeriesRegressor",
            "num_features": 3,
            "horizon": 2,
        },
    },
    "name_classifier": {
        "_target_": "seqlab.tasks.classification.Classification",
        "network": {
            "_target_": "seqlab.networks.sequence_classifier.SequenceClassifier",
            "vocab_size": 9,
            "num_classes": 4,
            **SPECIALS,
        },
    },
    "seq2seq": {
        "_target_": "seqlab.tasks.translation.Translation",
        "unk_id": 3,
        "network": {
            "_target_": "seqlab.networks.seq2seq.Seq2Seq",
            "source_vocab_size": 9,
            "target_vocab_size": 9,
            "pad_id": 0,
            "bos_id": 1,
            "eos_id": 2,
            "max_source_length": 6,
        },
    },
    "transformer": {
        "_target_": "seqlab.tasks.translation.Translation",
        "unk_id": 3,
        "network": {
            "_target_": "seqlab.networks.seq2seq_transformer.Seq2SeqTransformer",
            "source_vocab_size": 9,
            "target_vocab_size": 9,
            "pad_id": 0,
            "bos_id": 1,
            "eos_id": 2,
            "num_heads": 2,
        },
    },
    "tagger": {
        "_target_": "seqlab.tasks.tagging.Tagging",
        "network": {
            "_target_": "seqlab.networks.tagger.Tagger",
            "vocab_size": 9,
            "first_singleton_id": 9,
            "num_characters": 9,
            "num_shapes": 5,
            "num_tags": 3,
            **SPECIALS,
        },
    },
}


SMALL = {model: {"hidden_size": 8} for model in NETWORKS}
SMALL["seq2seq"] |= {"embedding_size": 6}
SMALL["tagger"] |= {"embedding_size": 6, "char_size": 4, "crf": False}


@pytest.fixture
def make_task() -> Callable[..., tuple[SequenceTask, Contents]]:
    """A task of the model, its network under further settings, and what its checkpoint holds."""

    def make(model: str, **network: Any) -> tuple[SequenceTask, Contents]:
        torch.manual_seed(0)
        config = NETWORKS[model]
        task: SequenceTask = instantiate(
            config | {"network": config["network"] | SMALL.get(model, {}) | network}, _convert_="all"
        )
        for weight in task.network.parameters():
            nn.init.normal_(weight, std=0.3)  # larger than layers start with, and not chaotic
        data: dict[str, Any] = {"vocabulary": VOCABULARY}
        if model == "gru":
            data |= {"window_size": 6, "context": "from_start"}
        sizes = {name: value for name, value in config["network"].items() if name != "_target_"}
        return task.eval(), Contents(config, {}, sizes, data)

    return make
