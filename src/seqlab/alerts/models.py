"""What detection needs of a checkpoint or of an export: network, judge, vocabulary, log parser, templates."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.alert import Count
from seqlab.data.parsed_sessions import check_templates, refuse_features, templates_of
from seqlab.data.vocabulary import EOS_TOKEN, UNK_TOKEN, Vocabulary
from seqlab.detection import scorers
from seqlab.detection.judge import Judge
from seqlab.detection.stored import StoredLogModel
from seqlab.errors import UserError
from seqlab.exporting.folder import AGAIN, NETWORKS, SETTINGS, ExportSettings, check_network, file_sum
from seqlab.logs.formats import says_year
from seqlab.logs.known_templates import read_parser
from seqlab.schemas import checked, read_json

ONNX_FILE = NETWORKS["onnx"]
SPECIAL = {EOS_TOKEN: "(the block ends)", UNK_TOKEN: "(a message or key that training does not have)"}


@dataclass(frozen=True)
class Model:
    """A trained log model, ready to score."""

    name: str  # the checkpoint or export
    vocabulary: Vocabulary
    judge: Judge
    scorer: scorers.Scorer
    parser: dict[str, Any] | None  # state of the log parser of training; None after bare keys
    fingerprint: str  # differs where token ids or scores would mean something else

    @cached_property
    def templates(self) -> dict[str, str]:
        """Key to message template, special tokens in words."""
        return SPECIAL if self.parser is None else SPECIAL | templates_of(self.parser)

    @property
    def says_year(self) -> bool:
        """Whether the log's lines say the year of their time."""
        return self.parser is None or says_year(self.parser["log_format"]["time_format"])

    def log_parser(self) -> dict[str, Any]:
        """The state of the parser of raw lines.

        Raises:
            UserError: the model was trained on bare keys, and no parser was given.
        """
        if self.parser is None:
            raise UserError(
                f"{self.name} was trained on files of keys and knows no log lines: parse the log with "
                "`seqlab parse LOG --output DIR` and train with data.sessions=DIR; or give --parser DIR, "
                "where the keys came from there"
            )
        return self.parser

    def encode(self, keys: NDArray[np.integer]) -> NDArray[np.int32]:
        """(E,) vocabulary ids of template ids; -1 and ids beyond the parser's are UNK."""
        return self.token_table[np.where(keys < len(self.token_table) - 1, keys, -1)]

    @cached_property
    def token_table(self) -> NDArray[np.int32]:
        """(K + 1,) vocabulary ids by template id; its last, for the id -1, is UNK.

        Raises:
            UserError: the parser's templates are not the keys of this model.
        """
        known = [int(row["id"]) for row in self.log_parser()["templates"]]
        table = np.full(max(known, default=-1) + 2, self.vocabulary.unk, dtype=np.int32)
        table[known] = self.vocabulary.ids(str(number) for number in known)
        if not (table != self.vocabulary.unk).any():
            keys = ", ".join(self.vocabulary.tokens[4:8])
            raise UserError(
                f"{self.name}: its keys ({keys}, ...) are none of the parser's {len(known)} templates: "
                "give the parser that made the sessions it was trained on"
            )
        return table

    def odd_counts(self, tokens: NDArray[np.integer]) -> tuple[Count, ...]:
        """What is odd about a block's counts, where the score counts events."""
        found = [(self.vocabulary.tokens[token], more) for token, more in self.judge.odd_counts(tokens)]
        return tuple(Count(key, self.templates.get(key, ""), more) for key, more in found)


def load_model(
    path: Path, *, onnx: bool = False, parser: Path | None = None, trust: Collection[str] = ()
) -> Model:
    """From checkpoints/best.ckpt of a run, or from the folder of ``seqlab export``.

    Args:
        onnx: it is such a folder, and says what is missing there.
        parser: a parse of a log, whose parser takes the place of the checkpoint's own.
        trust: packages outside seqlab whose code the checkpoint may name.

    Raises:
        UserError: no such file, a model of another kind, a run that ended before its thresholds, or a parser
            whose templates contradict the model's own.
    """
    given = None if parser is None else read_parser(parser)
    windows: Any
    sessions: Any
    settings: dict[str, Any] | None = None
    if onnx or (path / ONNX_FILE).is_file():
        if trust:
            raise UserError(f"--trust {' '.join(trust)}: an export names no code to be trusted; leave it out")
        settings = _read_settings(path)
        data, judge_state = settings["data"], settings["judge"]
        data |= {"vocabulary": settings["vocabulary"]} if settings["vocabulary"] else {}
        file, network = path / SETTINGS, path / ONNX_FILE
        windows, sessions = partial(scorers.onnx_windows, network), partial(scorers.onnx_sessions, network)
    else:
        from seqlab.training.checkpoints import load_task

        task, contents = load_task(path, trust)
        data, judge_state, file = contents.data, contents.judge, path
        windows, sessions = (
            partial(scorers.torch_windows, task.network),
            partial(scorers.torch_sessions, task.network),
        )
    if not {"vocabulary", "max_length"} <= data.keys():  # what every log model's data has
        raise UserError(f"{path}: it judges no log sessions: detection needs model=gru or model=gru_ae")
    refuse_features(str(path), data, "judging line by line")
    if settings is not None:
        held = {"data": data, "judge": judge_state, "sizes": settings["sizes"]}
        held = checked(StoredLogModel, held, file, AGAIN)
        data, judge_state = held["data"], held["judge"]
    vocabulary, own = Vocabulary.from_state(data["vocabulary"]), data.get("parser")
    judge = Judge.from_state(judge_state, vocabulary)
    scorer: scorers.Scorer
    if "window_size" in data:
        scorer = scorers.WindowScorer(windows(), judge, data["window_size"], data["context"])
    else:
        scorer = scorers.SessionScorer(sessions(), judge, data.get("piece_length"))
    if given is not None:
        check_templates("--parser", given, own, f"leave --parser out, since {path} has a parser of its own")
    fingerprint = hashlib.sha256(f"{file_sum(file)} {json.dumps(given)}".encode()).hexdigest()
    return Model(str(path), vocabulary, judge, scorer, given or own, fingerprint)


def _read_settings(folder: Path) -> dict[str, Any]:
    """What an export says beside its network; UserError where there is no such export."""
    path = folder / SETTINGS
    if not (folder / ONNX_FILE).is_file() or not path.is_file():
        raise UserError(
            f"{folder}: no export: --onnx takes the folder that `seqlab export CKPT --format onnx` wrote, "
            f"with {ONNX_FILE} and {SETTINGS}"
        )
    settings = read_json(ExportSettings, path, AGAIN)
    check_network(folder, "onnx", settings)
    return settings
