"""DataModule of tagged sentences: from column files, or synthetic parts of speech when no file is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from seqlab.data.batches import TagBatch
from seqlab.data.conll import read_conll
from seqlab.data.csv_files import shown_names
from seqlab.data.few_items import few_items, few_of_a_class
from seqlab.data.line_counts import LineCounts
from seqlab.data.loaders import batch_loader, batches_by_length
from seqlab.data.module import ByLengthModule, Profile
from seqlab.data.sources import Files, Source, check_counts, one_file
from seqlab.data.splits import check_filled, group_numbers, random_parts
from seqlab.data.tagged import SHAPES, TagDataset, TaggedSentences, WordCoder
from seqlab.data.tags import AUTO, SCHEMES
from seqlab.data.vocabulary import SPECIAL_TOKENS, Vocabulary
from seqlab.data.word_vectors import WordVectors, read_word_vectors
from seqlab.errors import UserError
from seqlab.results.intervals import FEW


class TaggedText(ByLengthModule):
    """Sentences with a tag a token: BIO tags of entities, or plain tags such as parts of speech.

    conf/data/tags.yaml says what each setting means. Equal sentences go to the same split.

    Raises:
        UserError: for a setting out of range; at ``setup``, for files that cannot be read or settings that
            exclude each other.
    """

    batch_type: ClassVar[type] = TagBatch
    train_unit: ClassVar[str] = "tokens"

    def __init__(
        self,
        *,
        path: Files | None = None,
        train: Files | None = None,
        val: Files | None = None,
        test: Files | None = None,
        split: Sequence[float] = (0.7, 0.1, 0.2),
        scheme: str = "auto",
        tag_column: int | str | None = None,
        sample: dict[str, Any] | None = None,
        lowercase: bool = True,
        min_count: int = 1,
        max_letters: int = 32,
        vectors: str | Path | None = None,
        vector_size: int | None = None,
        batch_size: int = 32,
        scoring_batch_size: int = 128,
        batch_tokens: int = 32_768,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if scheme not in (*SCHEMES, AUTO):
            raise UserError(f"data.scheme={scheme}: choose bio, plain or auto")
        check_counts(min_count=min_count, max_letters=max_letters)
        if vectors is not None and vector_size is None:
            raise UserError(
                "data.vectors without data.vector_size: give model.network.vectors, it sets both, or the "
                "number of numbers per word"
            )
        self.source = Source(path=path, train=train, val=val, test=test, split=split)
        self.scheme = scheme
        self.tag_column = tag_column
        self.sample = dict(sample or {})
        self.lowercase = lowercase
        self.min_count = min_count
        self.max_letters = max_letters
        self.vectors_file = vectors
        self.vector_size = vector_size
        self.batch_size = batch_size
        self.scoring_batch_size = scoring_batch_size
        self.batch_tokens = batch_tokens
        self.seed = seed
        self.word_vectors: WordVectors | None = None
        self._known_scheme = self.scheme
        self._datasets: dict[str, TagDataset] = {}

    def load_splits(self) -> None:
        splits = self.source.load(self._read, self._simulated, self._divide)
        self._splits = self.locked(splits)
        if self.source.cuts_train:
            num_val = len(splits["val"])
            self.notices.append(f"no data.val: {num_val:,} sentences of data.train are kept for it")
        train = splits["train"]
        others = [part.tags for name, part in splits.items() if name != "train"]
        self.tag_scheme = SCHEMES[train.scheme].of(train.tags, others)
        for name, part in splits.items():
            unseen = set(self.tag_scheme.kinds_of(part.tags)) - set(self.tag_scheme.kinds)
            if unseen:
                self.notices.append(
                    f"data.{name} holds {self.tag_scheme.noun} that training lacks "
                    f"({shown_names(sorted(unseen))}): {self.tag_scheme.unseen_note}"
                )
        self._tell_of_few(splits)
        self._fit_vocabularies(train)
        if self.vectors_file is not None:
            self._read_vectors(self.vectors_file)

    def _read(self, name: str, files: Files) -> TaggedSentences:
        path = one_file(name, files)
        sentences, notices = read_conll(path, tag_column=self.tag_column, scheme=self._known_scheme)
        if self._known_scheme == AUTO and sentences.scheme != "bio":
            notices.append("its tags are read as they stand (data.scheme=plain)")
        self._known_scheme = sentences.scheme  # the other files are read alike
        self.notices += [f"data.{name}: {notice}" for notice in notices]
        return sentences

    def _tell_of_few(self, splits: dict[str, TaggedSentences]) -> None:
        """Of the test sentences it is counts for the reader, no decision."""
        counts = {name: len(splits[name]) for name in ("val", "test")}
        self.notices += few_items("sentences", counts)
        if counts["test"] >= FEW:
            scheme = self.tag_scheme
            counts = scheme.kinds_of(splits["test"].tags)
            found = {name: counts[name] for name in scheme.kinds}
            self.notices += few_of_a_class(scheme.count_noun, scheme.noun, found)

    def _divide(
        self, sentences: TaggedSentences, shares: Sequence[float], origin: str
    ) -> list[TaggedSentences]:
        """Divide the distinct sentences by seed; every copy of a sentence goes where the sentence goes."""
        groups = group_numbers(sentences.sentence(row)[0] for row in range(len(sentences)))
        parts = random_parts(len(groups), shares, self.seed, groups=groups)
        check_filled(parts, shares, f"{origin}: {groups.max() + 1} distinct sentences")
        return [sentences.take(part) for part in parts]

    def simulate(self) -> tuple[TaggedSentences, str]:
        """The sentences without a file, and what to say of them."""
        from seqlab.data.samples.parts_of_speech import SYNTHETIC_NOTICE, simulate_sentences

        return simulate_sentences(**self.sample), SYNTHETIC_NOTICE

    def _simulated(self) -> TaggedSentences:
        sentences, notice = self.simulate()
        self.notices.append(notice)
        if self.scheme not in (AUTO, sentences.scheme):
            raise UserError(
                f"data.scheme={self.scheme}: the synthetic sentences have {sentences.scheme} tags; give a "
                "file, or leave data.scheme=auto"
            )
        return sentences

    def _fit_vocabularies(self, train: TaggedSentences) -> None:
        forms = (token.lower() if self.lowercase else token for token in train.tokens)
        words = Vocabulary.from_counts(Counter(forms), len(train), min_count=self.min_count)
        # a character met once is UNK: else nothing would train UNK
        characters = Vocabulary.from_counts(Counter("".join(train.tokens)), len(train.tokens), min_count=2)
        self.coder = WordCoder(words, characters, self.lowercase, self.max_letters)

    def _read_vectors(self, path: str | Path) -> None:
        assert self.vector_size is not None  # checked at construction
        lines = LineCounts(path)
        self.word_vectors = read_word_vectors(path, self.coder.words, self.vector_size, lines)
        found, words = len(self.word_vectors.ids), len(self.coder.words) - len(SPECIAL_TOKENS)
        counts = np.asarray(self.coder.words.counts)
        share = counts[self.word_vectors.ids].sum() / len(self._splits["train"].tokens)
        self.notices.append(
            f"{path}: vectors of {found:,} of {words:,} words of the vocabulary, {share:.1%} of the training "
            "tokens; the others start at random"
        )
        self.notices += lines.notices()

    @property
    def sizes(self) -> dict[str, int]:
        counts = np.asarray(self.coder.words.counts)
        return {
            "vocab_size": len(counts),
            "pad_id": self.coder.words.pad,
            "unk_id": self.coder.words.unk,
            # words stand by falling frequency: from here on each occurred once
            "first_singleton_id": len(SPECIAL_TOKENS) + int((counts[len(SPECIAL_TOKENS) :] > 1).sum()),
            "num_characters": len(self.coder.characters),
            "num_shapes": len(SHAPES),
            "num_tags": self.tag_scheme.num_tags,
            "tags_are_bio": self.tag_scheme.key == "bio",
        }

    def state(self) -> dict[str, Any]:
        return {"coder": self.coder.state(), "tags": self.tag_scheme.state()}

    def sentences(self, split: str) -> TaggedSentences:
        """The sentences of a split.

        Raises:
            TestSetLockedError: the test split before ``open_test``.
        """
        self.check_access(split)
        return self._splits[split]

    def tag_ids(self, split: str) -> NDArray[np.int64]:
        """(N,) tag ids of a split; those that training lacks are ``num_tags`` or more."""
        return np.array(self.tag_scheme.encode(self.sentences(split).tags), dtype=np.int64)

    def dataset(self, split: str) -> TagDataset:
        """The split as batches are gathered from it."""
        self.check_access(split)
        if split not in self._datasets:
            self._datasets[split] = TagDataset(self.sentences(split), self.coder, self.tag_ids(split))
        return self._datasets[split]

    def train_dataloader(self) -> DataLoader[Any]:
        dataset = self.dataset("train")
        batches = batches_by_length(dataset.lengths, self.batch_size, self.batch_tokens, seed=self.seed)
        return batch_loader(dataset, batches)

    def learned_from(self) -> str:
        train = self._splits["train"]
        counts = f"{len(train):,} sentences with {len(train.tokens):,} tokens"
        return counts + self.tag_scheme.describe(train.tags)

    def profile(self, split: str) -> Profile:
        sentences, dataset = self.sentences(split), self.dataset(split)
        is_unknown = (dataset.word_of_form == self.coder.words.unk)[dataset.form]
        return Profile(
            "sentences",
            [sentences.sentence(number)[0] for number in range(len(sentences))],
            sentences.lengths,
            np.logical_or.reduceat(is_unknown, sentences.firsts),
            "words that the vocabulary lacks",
        )

    def fitted_on(self) -> dict[str, str]:
        found = {"vocabulary and tags": f"{len(self._splits['train']):,} training sentences"}
        if self.vectors_file is not None:
            found["word vectors"] = f"what {Path(self.vectors_file).name} was made from"
        return found

    def split_rule(self) -> str:
        return self.source.split_rule(self.seed)

    def write_files(self, folder: Path) -> None:
        """Write vocabulary.txt and characters.txt, readable text."""
        self.coder.words.save(folder / "vocabulary.txt")
        self.coder.characters.save(folder / "characters.txt")

    def facts(self) -> list[tuple[str, str]]:
        """What the data is, in numbers, for the report. Reads no test sentence."""
        rows = []
        for split in ("train", "val"):
            part = self._splits[split]
            counts = f"{len(part):,} with {len(part.tokens):,} tokens"
            rows.append((f"{split} sentences", counts + self.tag_scheme.describe(part.tags)))
        rows.append(("words", f"{len(self.coder.words):,} in the vocabulary, 4 of them special"))
        rows.append(("characters", f"{len(self.coder.characters):,}, 4 of them special"))
        rows.append((self.tag_scheme.noun, ", ".join(self.tag_scheme.kinds)))
        return rows


class Entities(TaggedText):
    """TaggedText whose synthetic sentences hold named entities."""

    def simulate(self) -> tuple[TaggedSentences, str]:
        from seqlab.data.samples.entities import SYNTHETIC_NOTICE, simulate_sentences

        return simulate_sentences(**self.sample), SYNTHETIC_NOTICE
