"""DataModule of running text: characters or words, in carried streams or overlapping windows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from seqlab.data.batches import TextBatch
from seqlab.data.loaders import IndexBatches, batch_loader
from seqlab.data.module import Profile, SequenceDataModule
from seqlab.data.sources import Files, Source, check_counts, one_file
from seqlab.data.splits import part_ends
from seqlab.data.text_codec import UNITS, TextCodec, clean_text
from seqlab.data.text_files import read_lines
from seqlab.data.text_streams import StreamBatches, StreamDataset, WindowDataset
from seqlab.data.vocabulary import SPECIAL, SPECIAL_TOKENS
from seqlab.errors import UserError

MODES = ("streams", "windows")
TEXTS = {  # of the published examples: short enough to be learned by heart
    "hihello": "hihello",
    "charseq": " if you want you",
    "longseq": (
        "if you want to build a ship, don't drum up people together to collect wood and don't assign them "
        "tasks and work, but rather teach them to long for the endless immensity of the sea."
    ),
}
LINE = {"char": 20, "word": 5}  # tokens of a line at least: shorter ones repeat by chance
EVAL_CHUNK = 256  # tokens of a stream a batch when nothing is learned; any number gives the same figures


class CharacterSequence(SequenceDataModule):
    """A text and what comes next in it.

    One of TEXTS, or a text that is given, is trained on, validated and tested on as a whole, as one stream. A
    file is cut from its start to its end; its test share may be 0, and validation figures are then all that a
    run reports. The settings are explained in conf/data/charseq.yaml.

    Raises:
        UserError: for a setting out of range; at ``setup``, for a file that cannot be read or a text too
            short.
    """

    batch_type: ClassVar[type] = TextBatch

    def __init__(
        self,
        *,
        text: str | None = "longseq",
        path: str | Path | None = None,
        split: Sequence[float] = (0.9, 0.05, 0.05),
        unit: str = "char",
        min_count: int = 1,
        max_tokens: int | None = None,
        mode: str = "streams",
        num_streams: int = 32,
        seq_length: int = 64,
        shift: bool = True,
        restart: float = 0.05,
        window_size: int = 10,
        stride: int = 1,
        batch_size: int = 64,
        eval_streams: int = 16,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if mode not in MODES:
            raise UserError(f"data.mode={mode}: choose {' or '.join(MODES)}")
        if unit not in UNITS:
            raise UserError(f"data.unit={unit}: choose {' or '.join(UNITS)}")
        check_counts(
            num_streams=num_streams,
            seq_length=seq_length,
            window_size=window_size,
            stride=stride,
            batch_size=batch_size,
            eval_streams=eval_streams,
            min_count=min_count,
            max_tokens=1 if max_tokens is None else max_tokens,
        )
        if not isinstance(restart, int | float) or not 0 <= restart <= 1:
            raise UserError(f"data.restart={restart}: give a probability, 0 to 1")
        if text is not None and not isinstance(text, str):
            raise UserError(f"data.text={text}: give a text; a number in quotes, as data.text='\"{text}\"'")
        self.text = text
        self.path = path
        self.source = Source(path=path, split=split, may_be_zero="test")
        self.unit = unit
        self.min_count = min_count
        self.max_tokens = max_tokens
        self.mode = mode
        self.seq_length = seq_length
        self.shift = shift
        self.restart = restart
        self.window_size = window_size
        self.stride = stride
        self.batch_size = batch_size
        self.by_heart = path is None
        self.num_streams = 1 if self.by_heart else num_streams
        self.eval_streams = 1 if self.by_heart else eval_streams
        self.seed = seed

    @property
    def train_unit(self) -> str:  # type: ignore[override]
        """What a batch counts."""
        return UNITS[self.unit]

    def load_splits(self) -> None:
        texts = self.source.load(self._read, self._own_text, self._divide)
        self.texts = self.locked(texts)
        self.codec = TextCodec.fit(
            texts["train"], self.unit, min_count=self.min_count, max_tokens=self.max_tokens
        )
        if len(self.codec) == len(SPECIAL_TOKENS):
            raise UserError(
                f"{self.path or 'data.text'}: no token of the training part occurs "
                f"data.min_count={self.min_count} times; give less"
            )
        encoded = {name: self.codec.encode(text) for name, text in texts.items()}
        self._ids = self.locked(encoded)
        for name, ids in encoded.items():
            if len(ids) < 2 and (name != "test" or self.has_test):
                raise UserError(
                    f"{self.path or 'data.text'}: the {name} part has {len(ids)} {self.train_unit}; at least "
                    "2 are needed, one to read and one to predict"
                )
        unseen = int((self._ids["val"] == SPECIAL.unk).sum())
        if unseen:
            self.notices.append(
                f"{unseen:,} of {len(self._ids['val']):,} validation {self.train_unit} are not in the "
                "training part: they are UNK, and count in the loss as such"
            )

    def _read(self, name: str, files: Files) -> str:
        if not self.has_test:
            self.notices.append(
                "no test part (data.split ends in 0): figures are of the validation part, by which the best "
                "checkpoint is chosen"
            )
        return clean_text("\n".join(read_lines(one_file(name, files), "a text")) + "\n")

    def _own_text(self) -> str:
        if not self.text:
            raise UserError(
                "no text: give data.path=FILE (seqlab download shakespeare fetches one), or "
                f"data.text={', '.join(TEXTS)} or a text of your own"
            )
        text = clean_text(TEXTS.get(self.text, self.text))
        self.notices.append(
            f"the same {len(text):,} characters are trained on, validated and tested on: figures say what "
            "was learned by heart"
        )
        return text

    def _divide(self, text: str, split: Sequence[float], origin: str) -> list[str]:
        """The parts of a file from its start to its end; a text that is learned by heart is every part."""
        if self.by_heart:
            return [text] * len(split)
        first, second, _ = part_ends(len(text), split)
        return [text[:first], text[first:second], text[second:]]

    @property
    def reads_windows(self) -> bool:
        """Whether parts are measured by windows, as they are learned; else as streams, each token once."""
        return self.mode == "windows" and self.by_heart

    @property
    def reading(self) -> str:
        """How validation and test text is read, in words."""
        if self.reads_windows:
            return f"windows of {self.window_size}, each from a zero state, all their predictions counted"
        streams = f"{self.eval_streams} streams" if self.eval_streams > 1 else "one stream"
        return f"every token once, in {streams} with the state carried"

    @property
    def has_test(self) -> bool:
        """Whether a part of the text is kept for testing."""
        return self.by_heart or self.source.split[2] > 0

    @property
    def sizes(self) -> dict[str, int]:
        return {"vocab_size": len(self.codec), "pad_id": SPECIAL.pad}

    def state(self) -> dict[str, Any]:
        return {"codec": self.codec.state()}

    def ids(self, split: str) -> NDArray[np.int64]:
        """(N,) token ids of a split.

        Raises:
            TestSetLockedError: the test split before ``open_test``.
        """
        self.check_access(split)
        return self._ids[split]

    def _tensor(self, split: str) -> Tensor:
        return torch.from_numpy(self.ids(split)).to(self.device)

    def train_dataloader(self) -> DataLoader:
        if self.mode == "windows":
            windows = WindowDataset(self._tensor("train"), self.window_size, self.stride)
            return batch_loader(windows, IndexBatches(len(windows), self.batch_size, seed=self.seed))
        streams = StreamDataset(self._tensor("train"), self.num_streams, self.seq_length).shared()
        batches = StreamBatches(streams, seed=self.seed, shift=self.shift, restart=self.restart)
        return batch_loader(streams, batches)

    def once(self, split: str) -> DataLoader:
        """A split as it is measured: its windows in the order of the text, or its streams."""
        if self.reads_windows:
            windows = WindowDataset(self._tensor(split), self.window_size, self.stride)
            order = IndexBatches(len(windows), self.batch_size, seed=self.seed, shuffle=False)
            return batch_loader(windows, order)
        streams = StreamDataset(self._tensor(split), self.eval_streams, EVAL_CHUNK)
        return batch_loader(streams, StreamBatches(streams, seed=self.seed, shift=False))

    def val_dataloader(self) -> DataLoader:
        return self.once("val")

    def test_loader(self) -> DataLoader:
        return self.once("test")

    def learned_from(self) -> str:
        return f"a text of {len(self._ids['train']):,} {self.train_unit}"

    def profile(self, split: str) -> Profile:
        """Lines of some length; of a text that is learned by heart, the text."""
        self.check_access(split)
        text = self.texts[split]
        lines, lengths = text.split("\n"), self.codec.line_lengths(text)
        keep = lengths >= LINE[self.unit]
        if self.by_heart:
            lines, lengths, keep = [text], np.array([len(self._ids[split])]), np.ones(1, dtype=bool)
        kept = [line for line, is_kept in zip(lines, keep.tolist(), strict=True) if is_kept]
        unknown = np.array([bool(self.codec.unseen(line)) for line in kept], dtype=bool)
        noun = "texts" if self.by_heart else f"lines of {LINE[self.unit]} {self.train_unit} or more"
        return Profile(noun, kept, lengths[keep], unknown, f"{self.train_unit} that the vocabulary lacks")

    def fitted_on(self) -> dict[str, str]:
        return {"vocabulary": f"{len(self._ids['train']):,} training {self.train_unit}"}

    def split_rule(self) -> str:
        return "no split: every part is the same text" if self.by_heart else self.source.split_rule(None)

    def write_files(self, folder: Path) -> None:
        """Write vocabulary.txt, readable text."""
        self.codec.vocabulary.save(folder / "vocabulary.txt")

    def facts(self) -> list[tuple[str, str]]:
        """What the data is, in numbers, for the report. Reads no test text."""
        rows = [(f"{name} {self.train_unit}", f"{len(self._ids[name]):,}") for name in ("train", "val")]
        return [*rows, ("vocabulary", f"{len(self.codec):,} tokens, 4 of them special")]
