"""Sentence pairs: from files of columns, parallel files, a list in the config, or a phrase grammar."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch.utils.data import DataLoader

from seqlab.data.batches import TranslationBatch
from seqlab.data.few_items import few_items
from seqlab.data.line_counts import LineCounts
from seqlab.data.loaders import IndexBatches, TokenLimit, batch_loader
from seqlab.data.module import Profile, SequenceDataModule
from seqlab.data.pairs import EncodedPairs, Pair, PairDataset, encode_pairs, literal_pairs, read_pairs
from seqlab.data.sources import Files, Source, check_counts, chosen_way
from seqlab.data.splits import SPLITS, check_filled, random_parts
from seqlab.data.tokenizers import TOKENIZERS, Tokenizer, WordTokenizer, train_tokenizer
from seqlab.data.vocabulary import SPECIAL
from seqlab.errors import UserError


class Translation(SequenceDataModule):
    """Pairs of source and target sentences.

    One file of pairs is split by pair: of an exact duplicate only one is kept, so that no pair stands in two
    splits. Of splits that are given, training pairs that also stand in val or test are left out. Tokenizers
    learn from the training split alone. The settings are explained in conf/data/translation.yaml.

    Raises:
        UserError: for a setting out of range; at ``setup``, for files that cannot be read or settings that
            exclude each other.
    """

    batch_type: ClassVar[type] = TranslationBatch
    train_unit: ClassVar[str] = "target_tokens"

    def __init__(
        self,
        *,
        path: Files | None = None,
        train: Files | None = None,
        val: Files | None = None,
        test: Files | None = None,
        pairs: Sequence[Sequence[str]] | None = None,
        folder: str | Path | None = None,
        split: Sequence[float] = (0.8, 0.1, 0.1),
        sample: dict[str, Any] | None = None,
        swap: bool = False,
        source_language: str = "source",
        target_language: str = "target",
        tokenizer: str = "word",
        vocab_size: int | None = None,
        joint: bool = False,
        min_count: int = 1,
        lower: bool = False,
        max_length: int = 100,
        batch_size: int = 64,
        batch_tokens: int = 32_768,
        bucketing: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if tokenizer not in TOKENIZERS:
            raise UserError(f"data.tokenizer={tokenizer}: choose {', '.join(TOKENIZERS)}")
        if tokenizer == "bpe" and vocab_size is None:
            raise UserError("data.tokenizer=bpe needs data.vocab_size: some thousands, such as 4000")
        if joint and tokenizer != "bpe":
            raise UserError("data.joint=true is one bpe for both sides: give data.tokenizer=bpe too")
        check_counts(min_count=min_count, max_length=max_length)
        check_counts(vocab_size=1 if vocab_size is None else vocab_size)
        files = {"path": path, "train": train, "val": val, "test": test}
        chosen_way({"files": files, "pairs": {"pairs": pairs}})
        self.source = Source(path=path, train=train, val=val, test=test, split=split, needs_val=True)
        self.literal = pairs
        self.folder = Path(folder) if folder is not None else Path()
        self.sample = dict(sample or {})
        self.swap = swap
        self.languages = (source_language, target_language)
        self.tokenizer = tokenizer
        self.vocab_size = vocab_size
        self.joint = joint
        self.min_count = min_count
        self.lower = lower
        self.max_length = max_length
        self.batch_size = batch_size
        self.batch_tokens = batch_tokens
        self.bucketing = bucketing
        self.seed = seed

    def load_splits(self) -> None:
        if self.literal is not None:
            given = self._cased(literal_pairs(self.literal))
            found = {name: list(given) for name in SPLITS}
            self.notices.append(
                f"the same {len(given)} pairs are trained on, validated and tested on: figures say what was "
                "learned by heart"
            )
        else:
            found = self.source.load(self._read, self._simulated, self._divide)
            self._drop_held_out(found)
        if self.swap:
            found = {name: [(target, source) for source, target in part] for name, part in found.items()}
            self.languages = (self.languages[1], self.languages[0])
        pairs = {name: self._without_empty(name, part) for name, part in found.items()}
        self._pairs = self.locked(pairs)
        if self.literal is None:
            self.notices += few_items("pairs", {name: len(pairs[name]) for name in ("val", "test")})
        self._train_tokenizers()
        self._encoded: dict[str, EncodedPairs] = {}
        self._drop_long()
        self.max_source_length = int(np.diff(self.encoded("train").source_offsets).max()) + 1  # EOS counted

    def _drop_long(self) -> None:
        """Leave out the training pairs with a side of more than ``max_length`` tokens."""
        fits = self.encoded("train").longer_sides() <= self.max_length + 1  # EOS counted
        if not fits.any():
            raise UserError(f"data.max_length={self.max_length}: no training pair is so short")
        if not fits.all():
            self.notices.append(
                f"{(~fits).sum():,} of {len(fits):,} training pairs were left out: a side has more than "
                f"{self.max_length} tokens (data.max_length)"
            )
            pairs = zip(self._pairs["train"], fits.tolist(), strict=True)
            self._pairs["train"] = [pair for pair, is_kept in pairs if is_kept]
            del self._encoded["train"]

    def _simulated(self) -> list[Pair]:
        from seqlab.data.samples.korean import SYNTHETIC_NOTICE, phrase_pairs

        self.notices.append(SYNTHETIC_NOTICE)
        self.languages = ("English", "Korean")
        return self._cased(phrase_pairs(**self.sample))

    def _read(self, name: str, files: Files) -> list[Pair]:
        if isinstance(files, str | Path):
            counts = LineCounts(self.folder / files)
            pairs = read_pairs(self.folder / files, counts)
            self.notices += counts.notices()
            return self._cased(pairs)
        return self._cased(read_pairs([self.folder / file for file in files]))

    def _cased(self, pairs: list[Pair]) -> list[Pair]:
        """Pairs as they are read, compared and written: all in lower case where that is asked for."""
        return [(source.lower(), target.lower()) for source, target in pairs] if self.lower else pairs

    def _divide(self, pairs: list[Pair], shares: Sequence[float], origin: str) -> list[list[Pair]]:
        """Divide the distinct pairs by seed."""
        distinct = list(dict.fromkeys(pairs))
        if len(distinct) < len(pairs):
            self.notices.append(f"{len(pairs) - len(distinct):,} exact duplicates of pairs were left out")
        parts = random_parts(len(distinct), shares, self.seed)
        check_filled(parts, shares, f"{origin}: {len(distinct)} distinct pairs")
        return [[distinct[row] for row in part.tolist()] for part in parts]

    def _drop_held_out(self, found: dict[str, list[Pair]]) -> None:
        """Leave out the training pairs that occur in val or test."""
        train, held_out = found["train"], {*found["val"], *found["test"]}
        found["train"] = [pair for pair in train if pair not in held_out]
        dropped = len(train) - len(found["train"])
        if dropped == len(train):
            raise UserError(f"all {dropped:,} training pairs stand in val or test as well: give other files")
        if dropped:
            self.notices.append(
                f"{dropped:,} training pairs were left out: they stand in val or test as well"
            )

    def _without_empty(self, name: str, pairs: list[Pair]) -> list[Pair]:
        kept = [pair for pair in pairs if all(pair)]
        if len(kept) < len(pairs):
            self.notices.append(f"{len(pairs) - len(kept):,} pairs of {name} were left out: a side is empty")
        if not kept:
            raise UserError(f"no pair in {name}: give at least one whose two sides hold text")
        return kept

    def _train_tokenizers(self) -> None:
        sides = [[pair[side] for pair in self._pairs["train"]] for side in (0, 1)]
        learned = [
            train_tokenizer(
                self.tokenizer, texts, self.vocab_size, min_count=self.min_count, lower=self.lower
            )
            for texts in ([sides[0] + sides[1]] if self.joint else sides)
        ]
        self.source_tokenizer, self.target_tokenizer = learned[0], learned[-1]
        if self.tokenizer == "bpe" and min(map(len, learned)) < (self.vocab_size or 0):
            self.notices.append(
                f"bpe learned {' and '.join(str(len(one)) for one in learned)} subwords: the training text "
                f"gives no {self.vocab_size:,}"
            )

    @property
    def tokenizers(self) -> tuple[Tokenizer, Tokenizer]:
        """Of source and target."""
        return self.source_tokenizer, self.target_tokenizer

    @property
    def sizes(self) -> dict[str, int]:
        return {
            "source_vocab_size": len(self.source_tokenizer),
            "target_vocab_size": len(self.target_tokenizer),
            "pad_id": SPECIAL.pad,
            "bos_id": SPECIAL.bos,
            "eos_id": SPECIAL.eos,
            "unk_id": SPECIAL.unk,
            "max_source_length": self.max_source_length,
            "joint_vocabulary": self.joint,
        }

    def state(self) -> dict[str, Any]:
        return {
            "source_tokenizer": self.source_tokenizer.state(),
            "target_tokenizer": self.target_tokenizer.state(),
            "source_language": self.languages[0],
            "target_language": self.languages[1],
        }

    def pairs(self, split: str) -> list[Pair]:
        """The texts of a split, source and target, in the order of its rows.

        Raises:
            TestSetLockedError: the test split before ``open_test``.
        """
        self.check_access(split)
        return self._pairs[split]

    def encoded(self, split: str) -> EncodedPairs:
        """The ids of a split, made when they are first asked for."""
        if split not in self._encoded:
            self._encoded[split] = encode_pairs(self.pairs(split), *self.tokenizers)
        return self._encoded[split]

    def _loader(self, split: str, *, shuffle: bool) -> DataLoader:
        self.check_access(split)
        encoded = self.encoded(split)
        lengths = encoded.sort_keys() if self.bucketing else None
        limit = TokenLimit(encoded.longer_sides(), self.batch_tokens)
        batches = IndexBatches(
            len(encoded), self.batch_size, seed=self.seed, shuffle=shuffle, lengths=lengths, limit=limit
        )
        return batch_loader(PairDataset(encoded, self.device), batches)

    def train_dataloader(self) -> DataLoader:
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return self._loader("val", shuffle=False)

    def test_loader(self) -> DataLoader:
        return self._loader("test", shuffle=False)

    def learned_from(self) -> str:
        return f"{len(self._pairs['train']):,} pairs of sentences, {self.languages[0]} to {self.languages[1]}"

    def profile(self, split: str) -> Profile:
        pairs, encoded = self.pairs(split), self.encoded(split)
        unknown = np.zeros(len(pairs), dtype=bool)
        for ids, offsets in (
            (encoded.source, encoded.source_offsets),
            (encoded.target, encoded.target_offsets),
        ):
            unknown[np.repeat(np.arange(len(pairs)), np.diff(offsets))[ids == SPECIAL.unk]] = True
        lengths = np.diff(encoded.source_offsets)
        return Profile("pairs", pairs, lengths, unknown, "tokens that the vocabularies lack")

    def fitted_on(self) -> dict[str, str]:
        return {"vocabularies": f"{len(self._pairs['train']):,} training pairs"}

    def split_rule(self) -> str:
        if self.literal is not None:
            return "no split: every part is the same pairs"
        return self.source.split_rule(self.seed)

    def write_files(self, folder: Path) -> None:
        """Write source_vocabulary.txt and target_vocabulary.txt: each token on a line, its id its place."""
        for side, tokenizer in zip(("source", "target"), self.tokenizers, strict=True):
            path = folder / f"{side}_vocabulary.txt"
            if isinstance(tokenizer, WordTokenizer):
                tokenizer.vocabulary.save(path)
            else:
                path.write_text("\n".join([*tokenizer.pieces(range(len(tokenizer))), ""]), encoding="utf-8")

    def facts(self) -> list[tuple[str, str]]:
        """What the data is, in numbers, for the report. Reads no test pair."""
        encoded = self.encoded("train")
        return [
            ("direction", f"{self.languages[0]} to {self.languages[1]}"),
            ("train pairs", f"{len(encoded):,} with {len(encoded.target):,} target tokens"),
            ("val pairs", f"{len(self._pairs['val']):,}"),
            (
                "vocabulary",
                f"{len(self.source_tokenizer):,} source and {len(self.target_tokenizer):,} target tokens, "
                f"{self.tokenizer}",
            ),
        ]
