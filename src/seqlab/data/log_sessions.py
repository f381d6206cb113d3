"""Sessions of log keys: what windows and padded sessions have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from seqlab.data.module import BATCH_TOKENS, Profile, SequenceDataModule
from seqlab.data.sequences import LABEL_ABNORMAL, Sessions, Splits, split_by_session
from seqlab.data.splits import Files, check_fractions
from seqlab.data.vocabulary import Vocabulary
from seqlab.errors import UserError

if TYPE_CHECKING:
    from seqlab.data.parameters import ParameterNovelty

EVENTS_A_BATCH = 2048  # of training: what 64 sessions of usual logs hold at most


@dataclass(frozen=True)
class ScoringPlan:
    """Batches that hold each distinct piece of a split once, and the way back to its S sessions.

    A task gives one output per piece (a pair of context and next key, or a token of a distinct session), in
    the order of the batches: Q outputs in all. ``outputs[piece_of_event]`` is then (M,), one per predicted
    event, and session s owns ``[offsets[s]:offsets[s + 1]]`` of it.
    """

    loader: DataLoader
    piece_target: NDArray[np.int64]  # (Q,) token id that the output is about
    piece_of_event: NDArray[np.integer]  # (M,)
    offsets: NDArray[np.int64]  # (S + 1,)
    first_key: NDArray[np.int64]  # (S,) place in its session of the first event predicted; 0 is the first
    num_distinct: int
    device: torch.device  # where the batches lie


class LogSessions(SequenceDataModule):
    """Sessions of log keys: from the user's files, or simulated when no file is given.

    conf/data/sessions_window.yaml says what each setting is.

    Raises:
        UserError: for a setting out of range, or settings that exclude each other; at ``setup``, for files
            that cannot be read.
    """

    training_files: ClassVar[tuple[str, ...]] = ("sessions", "normal", "train")  # settings

    def __init__(
        self,
        *,
        normal: Files | None = None,
        abnormal: Files | None = None,
        train: Files | None = None,
        val: Files | None = None,
        test: Files | None = None,
        test_normal: Files | None = None,
        test_abnormal: Files | None = None,
        labels: str | Path | None = None,
        sessions: str | Path | None = None,
        split_by: str = "session",
        parameters: bool = False,
        templates: str | Path | None = None,
        split: Sequence[float] = (0.7, 0.1, 0.2),
        sample: dict[str, Any] | None = None,
        batch_size: int = 64,
        scoring_batch_size: int = 4096,
        batch_tokens: int = BATCH_TOKENS,
        piece_length: int = 512,
        deduplicate: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.files = {"normal": normal, "abnormal": abnormal, "train": train, "val": val, "test": test}
        self.files |= {"test_normal": test_normal, "test_abnormal": test_abnormal}
        if any(given is not None for given in (*self.files.values(), labels)):
            from seqlab.data.session_splits import check_given

            check_given(self.files, labels, sessions)
        self.labels_file = labels
        self.parsed_folder = sessions
        self.split_by = split_by
        self.split = check_fractions(split)
        self.times = False  # whether the time between events is read
        self.parameters = parameters
        self.templates_file = templates
        self.sample = dict(sample or {})
        self.batch_size = batch_size
        self.scoring_batch_size = scoring_batch_size
        self.batch_tokens = batch_tokens
        self.piece_length = piece_length
        self.deduplicate = deduplicate
        self.seed = seed
        self.templates: dict[str, str] = {}
        self.parser: dict[str, Any] | None = None  # what reads raw lines as those of the sessions were
        self._novelty: ParameterNovelty | None = None
        self._plans: dict[str, ScoringPlan] = {}
        self._distinct = ""  # how many of the training pieces differ, once they were made

    def load_splits(self) -> None:
        splits, notices = self._read()
        self._splits = self.locked(splits)
        self.notices += notices
        if self.templates_file is not None:
            from seqlab.data.line_counts import LineCounts
            from seqlab.logs.known_templates import read_templates

            counts = LineCounts(self.templates_file)
            self.templates = read_templates(self.templates_file, counts)
            self.notices += counts.notices()
        self.vocabulary = Vocabulary.from_sessions(self._splits["train"])
        self.max_length = int(self._splits["train"].lengths.max()) + 1  # EOS counted
        if self.parameters:
            from seqlab.data.parameters import ParameterNovelty

            self._novelty = ParameterNovelty.fit(self._splits["train"])

    def _read(self) -> Splits:
        """The splits of a parsed folder, of files, or of the sample."""
        if self.parsed_folder is not None:
            from seqlab.data.parsed_sessions import read_parsed_sessions, split_parsed

            parsed = read_parsed_sessions(self.parsed_folder, times=self.times, parameters=self.parameters)
            self.templates, self.parser = parsed.templates, parsed.parser
            return split_parsed(parsed, self.split, self.split_by, self.seed)
        for name in ("times", "parameters"):
            if getattr(self, name):
                raise UserError(
                    f"data.{name}=true goes with data.sessions, the output folder of seqlab parse: files "
                    f"of keys and the simulated sample have no {name}"
                )
        if any(files is not None for files in self.files.values()):
            from seqlab.data.session_splits import split_given

            return split_given(self.files, self.labels_file, self.split, self.seed)
        from seqlab.data.samples.hdfs_blocks import SYNTHETIC_NOTICE, TEMPLATES, simulate_blocks

        self.templates = dict(TEMPLATES)
        blocks = simulate_blocks(**self.sample).sessions
        is_bad = blocks.labels == LABEL_ABNORMAL
        splits = split_by_session(blocks.take(~is_bad), blocks.take(is_bad), self.split, self.seed)
        return splits, [SYNTHETIC_NOTICE]

    @property
    def sizes(self) -> dict[str, int]:
        return {
            "vocab_size": len(self.vocabulary),
            "pad_id": self.vocabulary.pad,
            "unk_id": self.vocabulary.unk,
            "max_length": min(self.max_length, self.piece_length),
        }

    def state(self) -> dict[str, Any]:
        state = {"max_length": self.max_length, "piece_length": self.piece_length}
        parts = {
            "parser": self.parser,
            "times": self.times or None,
            "parameters": None if self._novelty is None else self._novelty.state(),
        }
        given = {name: part for name, part in parts.items() if part is not None}
        return {"vocabulary": self.vocabulary.state(), **state, **given}

    @property
    def extra_scores(self) -> list[str]:
        """Scores that only sessions with times or parameters have."""
        return ["time_max"] * self.times + ["parameter_max"] * self.parameters

    def novelty(self, split: str) -> NDArray[np.float64] | None:
        """(S,) nats, see ``ParameterNovelty.score``; None where parameters are not read."""
        sessions = self.sessions(split)
        return None if self._novelty is None else self._novelty.score(sessions, trained_on=split == "train")

    def sessions(self, split: str) -> Sessions:
        """The sessions of a split.

        Raises:
            TestSetLockedError: the test split before ``open_test``.
        """
        self.check_access(split)
        return self._splits[split]

    def tokens(self, split: str) -> NDArray[np.integer]:
        """(N,) vocabulary ids of the split's events."""
        return self.vocabulary.encode(self.sessions(split))

    def scoring_plan(self, split: str) -> ScoringPlan:
        """How to score the split with each distinct piece computed once."""
        self.check_access(split)
        if split not in self._plans:
            self._plans[split] = self._make_plan(split)
        return self._plans[split]

    @abstractmethod
    def _make_plan(self, split: str) -> ScoringPlan: ...

    def val_dataloader(self) -> DataLoader:
        return self.scoring_plan("val").loader

    def test_loader(self) -> DataLoader:
        return self.scoring_plan("test").loader

    def learned_from(self) -> str:
        train = self._splits["train"]
        return f"{len(train):,} normal sessions with {train.num_events:,} events"

    def profile(self, split: str) -> Profile:
        sessions, tokens = self.sessions(split), self.tokens(split)
        raw, bounds = tokens.tobytes(), (sessions.offsets * tokens.itemsize).tolist()
        distinct: dict[bytes, bytes] = {}  # equal sessions share one object, which is hashed once
        rows = (raw[start:end] for start, end in pairwise(bounds))
        contents = [distinct.setdefault(row, row) for row in rows]
        unknown = np.zeros(len(sessions), dtype=bool)
        unknown[np.repeat(np.arange(len(sessions)), sessions.lengths)[tokens == self.vocabulary.unk]] = True
        lacks = "a key that training never showed"
        return Profile("sessions", contents, sessions.lengths, unknown, lacks, _span(sessions.first_time))

    def fitted_on(self) -> dict[str, str]:
        train = f"{len(self._splits['train']):,} training sessions"
        templates = {"templates": "every line that was parsed, of test sessions too"}
        return {
            **(templates if self.parsed_folder is not None else {}),
            "vocabulary": train,
            **({"values of parameters": train} if self.parameters else {}),
        }

    def split_rule(self) -> str:
        at_random = f"at random, seed {self.seed}"
        if self.files["train"] is not None:
            return "splits as given" + (f", val cut off train {at_random}" * (self.files["val"] is None))
        if self.parsed_folder is not None and self.split_by == "time":
            return "split by the times of first lines"
        return f"normal sessions split {at_random}, all abnormal ones tested"

    def write_files(self, folder: Path) -> None:
        self.vocabulary.save(folder / "vocabulary.txt")

    def facts(self) -> list[tuple[str, str]]:
        rows = []
        for split in ("train", "val"):
            part = self._splits[split]
            rows.append((f"{split} sessions", f"{len(part):,} with {part.num_events:,} events"))
        if self._distinct:
            rows.append((f"train {self.train_unit}", self._distinct))
        rows.append(("vocabulary", f"{len(self.vocabulary)} tokens, 4 of them special"))
        return rows

    def training_batch_size(self) -> int:
        """Sessions a training batch: ``batch_size``, fewer where these are long: EVENTS_A_BATCH on average.

        Some dozen long sessions in one batch are one step an epoch, and a network that has learned nothing.
        """
        return min(self.batch_size, max(int(EVENTS_A_BATCH / self.sessions("train").lengths.mean()), 1))


def _span(times: NDArray[np.datetime64] | None) -> tuple[str, str] | None:
    """The first and the last of (S,) times, to the second; None where one is not known."""
    if times is None or not len(times) or np.isnat(times).any():
        return None
    first, last = (str(time.astype("datetime64[s]")).replace("T", " ") for time in (times.min(), times.max()))
    return first, last
