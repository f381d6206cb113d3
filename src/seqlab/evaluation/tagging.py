"""How a tagger is judged: entities or tags on the test split, beside what needs no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import TypedDict

from seqlab.contracts import check_members
from seqlab.data.batches import TagBatch
from seqlab.data.conll import read_sentences
from seqlab.data.line_counts import LineCounts
from seqlab.data.loaders import IndexBatches, batches_by_length
from seqlab.data.sequences import segment_indices
from seqlab.data.tagged import TagDataset, TaggedSentences, WordCoder, WordCoderState
from seqlab.data.tags import OUTSIDE, TagScheme, TagsState, scheme_from_state
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents, Evaluation, NothingFitted, as_list, sized
from seqlab.evaluation.tagging_measures import MEASURES, EntityMeasures
from seqlab.evaluation.tagging_report import SECTIONS, TaggingOutcome
from seqlab.progress import track
from seqlab.report.page import Section
from seqlab.results.outcome import Curves, prefixed
from seqlab.tasks.tagging import Tagging

if TYPE_CHECKING:
    import pandas as pd

BATCH_SIZE = 128  # of sentences to predict
BATCH_TOKENS = 32_768  # padding counted


class TaggedData(Protocol):
    """All that judging a tagger reads of a data set: sentences in three splits, of which test is locked.

    ``TaggedText`` (data/tagged_text.py) fulfills it; another class may as well.
    """

    @property
    def tag_scheme(self) -> TagScheme:
        """BioTags or PlainTags of data/tags.py: what the tags mean, and their ids."""

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
        """Plain values for the checkpoint: the states of ``coder`` and ``tags``."""

    def facts(self) -> list[tuple[str, str]]:
        """What the data is, in numbers, for the report; reads no test sentence."""

    def write_files(self, folder: Path) -> None:
        """Write what a reader of the run folder may want to see, as text."""


class TaggedState(TypedDict):
    """A TaggedText in a checkpoint."""

    coder: WordCoderState
    tags: TagsState


def _sizes(data: TaggedState) -> dict[str, int]:
    scheme, coder = scheme_from_state(data["tags"]), data["coder"]
    vocabularies = {"vocab_size": coder["words"], "num_characters": coder["characters"]}
    sizes = {name: len(vocabulary["tokens"]) for name, vocabulary in vocabularies.items()}
    return sizes | {"num_tags": scheme.num_tags, "tags_are_bio": scheme.key == "bio"}


class TaggingEvaluation(Evaluation):
    """Figures of the scheme of the data's tags, beside baselines.

    Entities are counted as seqeval counts them; of plain tags, tokens are.
    """

    def stored(self) -> Any:
        return sized(TaggedState, _sizes)

    def check(self, datamodule: TaggedData) -> None:
        """Refuse a data set without all that is read of one."""
        check_members(
            datamodule, TaggedData, "judging a tagger", "derive from seqlab.data.tagged_text.TaggedText"
        )

    def fit(self, task: Tagging, datamodule: TaggedData) -> tuple[NothingFitted, dict[str, float]]:
        """Count the baselines on training data; the validation figures of the checkpoint that is judged."""
        measures = measures_of(datamodule)
        nll, predicted = tag_split(task, datamodule, "val")
        loss = nll.sum() / len(predicted)
        figures = measures.measure(datamodule.tag_ids("val"), predicted, datamodule.sentences("val").is_first)
        fitted = NothingFitted(measures.baselines(datamodule.sentences("train")))
        return fitted, prefixed("val", {"loss": loss, "score": figures[measures.main]} | figures)

    def test(self, task: Tagging, datamodule: TaggedData, judge: NothingFitted) -> TaggingOutcome:
        """Tag and measure the test split, which ``open_test`` must have unlocked."""
        sentences, gold = datamodule.sentences("test"), datamodule.tag_ids("test")
        scheme, measures = datamodule.tag_scheme, measures_of(datamodule)
        nll, predicted = tag_split(task, datamodule, "test")
        metrics = {"test/loss": nll.sum() / len(predicted)} | prefixed(
            "test", measures.measure(gold, predicted, sentences.is_first)
        )
        for baseline in judge.baselines:
            ids = np.array(scheme.encode(baseline.predict(sentences)), dtype=np.int64)
            metrics |= prefixed(f"baseline/{baseline.name}", measures.measure(gold, ids, sentences.is_first))
        names = tuple(each.name for each in judge.baselines)
        outcome = TaggingOutcome(sentences, gold, predicted, scheme, metrics, names, nll)
        for name, (_, _, f1, _, num_gold) in outcome.kind_rows():
            if num_gold:
                metrics[f"test/{name}/{measures.kind_figure}"] = f1
        return outcome

    def predict(self, task: Tagging, contents: Contents, path: Path) -> pd.DataFrame:
        """One row per token: number of the sentence (from 1), the token, its tag.

        Args:
            path: one tokenized sentence a line, or a CoNLL column file, of which only the tokens are read.

        Raises:
            UserError: a file without a sentence or other than UTF-8; names the line.
        """
        import pandas as pd

        names = scheme_from_state(contents.data["tags"]).names
        counts = LineCounts(path)
        sentences = read_sentences(path, names, counts)
        counts.tell()
        dataset = untagged(sentences, WordCoder.from_state(contents.data["coder"]))
        tags = np.zeros(len(sentences.tokens), dtype=np.int64)
        task.eval()
        with torch.inference_mode():
            batches = batches_by_length(dataset.lengths, BATCH_SIZE, BATCH_TOKENS, seed=0, shuffle=False)
            for items in track(batches, "predicting"):
                batch = dataset[items]
                positions = segment_indices(dataset.firsts[items.numpy()], dataset.lengths[items].numpy())
                tags[positions] = task.predict_step(batch)[batch.mask].numpy()
        return pd.DataFrame(
            {
                "sentence": np.repeat(np.arange(1, len(sentences) + 1), sentences.lengths),
                "token": list(sentences.tokens),
                "tag": [names[tag] for tag in tags.tolist()],
            }
        )

    def encoder(self, contents: Contents) -> Callable[[Any], TagBatch]:
        """Tokenized sentences, lists of words or texts with spaces between words, to a batch."""
        coder = WordCoder.from_state(contents.data["coder"])

        def encode(items: Any) -> TagBatch:
            rows = [row.split() if isinstance(row, str) else list(row) for row in as_list(items, "sentences")]
            if not all(rows):
                raise UserError(f"encode: sentence {rows.index([]) + 1} has no word")
            sentences = TaggedSentences.from_sentences([(row, [OUTSIDE] * len(row)) for row in rows])
            return untagged(sentences, coder)[torch.arange(len(rows))]

        return encode

    def sections(
        self, task: Tagging, datamodule: TaggedData, outcome: TaggingOutcome, curves: Curves
    ) -> list[Section]:
        return SECTIONS[outcome.scheme.key](outcome, curves)


def measures_of(datamodule: TaggedData) -> EntityMeasures:
    """How a data set's tags are measured."""
    return MEASURES[datamodule.tag_scheme.key](datamodule.tag_scheme)


def untagged(sentences: TaggedSentences, coder: WordCoder) -> TagDataset:
    """Sentences as batches are gathered from them, every tag 0."""
    return TagDataset(sentences, coder, np.zeros(len(sentences.tokens), dtype=np.int64))


def tag_split(
    task: Tagging, datamodule: TaggedData, split: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(S,) nats of each sentence, and (N,) predicted tags, of a split in its own order."""
    dataset = datamodule.dataset(split)
    predicted, nll = np.zeros(len(dataset.tags), dtype=np.int64), np.zeros(len(dataset.lengths))
    for items in track(datamodule.scoring_batches(split), "judging"):
        batch = TagBatch(*(part.to(task.device) for part in dataset[items]))
        nats, tags = task.judge_batch(batch)
        places = segment_indices(dataset.firsts[items.numpy()], dataset.lengths[items].numpy())
        predicted[places] = tags[batch.mask].cpu().numpy()
        nll[items.numpy()] = nats.double().cpu().numpy()
    return nll, predicted
