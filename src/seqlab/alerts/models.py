"""What detection needs of a checkpoint or of an export: network, judge, vocabulary, log parser, templates."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.alerts.alert import template_of
from seqlab.alerts.judge import Judge
from seqlab.alerts.remembered import Network, WindowScorer, onnx_network, torch_network
from seqlab.alerts.whole_sessions import SessionScorer, onnx_sessions, torch_sessions
from seqlab.data.parsed_sessions import refuse_features
from seqlab.data.templates import contradiction, templates_of
from seqlab.data.vocabulary import Vocabulary
from seqlab.errors import UserError
from seqlab.exporting.folder import NETWORKS, SETTINGS, check_network

NO_LOG_MODEL = "it judges no log sessions: detection needs a log model, such as model=gru or model=gru_ae"
ONNX_FILE = NETWORKS["onnx"]


@dataclass(frozen=True)
class Model:
    """A trained log model, ready to score."""

    name: str  # the checkpoint or export
    vocabulary: Vocabulary
    judge: Judge
    scorer: WindowScorer | SessionScorer
    parser: dict[str, Any] | None  # state of the log parser of training; None after bare keys
    templates: dict[str, str]  # key to message template
    weights: str  # a sum that tells networks apart; empty where an older export has none

    def token_table(self, parser: dict[str, Any]) -> NDArray[np.int32]:
        """(K + 1,) vocabulary ids by template id; its last, for the id -1, is UNK.

        Raises:
            UserError: the parser's templates are not the keys of this model.
        """
        known = [int(row["id"]) for row in parser["templates"]]
        table = np.full(max(known, default=-1) + 2, self.vocabulary.unk, dtype=np.int32)
        table[known] = self.vocabulary.ids(str(number) for number in known)
        if not (table != self.vocabulary.unk).any():
            keys = ", ".join(self.vocabulary.tokens[4:8])
            raise UserError(
                f"{self.name}: its keys ({keys}, ...) are none of the parser's {len(known)} templates: "
                "give the parser that made the sessions it was trained on"
            )
        return table

    @property
    def says_year(self) -> bool:
        """Whether the log's lines say the year of their time."""
        from seqlab.logs.formats import says_year

        return self.parser is None or says_year(self.parser["log_format"]["time_format"])

    def odd_counts(self, tokens: NDArray[np.integer]) -> tuple[tuple[str, str, int], ...]:
        """(key, template, how many more than the nearest training block has), where the score counts."""
        if not self.judge.counts_events:
            return ()
        names = self.vocabulary.tokens
        return tuple(
            (names[token], template_of(names[token], self.templates), more)
            for token, more in self.judge.odd_counts(tokens)
        )


def encode_keys(keys: NDArray[np.integer], table: NDArray[np.int32]) -> NDArray[np.int32]:
    """(E,) vocabulary ids of template ids; ids beyond the table are UNK, as -1 is."""
    return table[np.where(keys < len(table) - 1, keys, -1)]


def load_model(
    path: Path, *, onnx: bool = False, parser: dict[str, Any] | None = None, trust: Collection[str] = ()
) -> Model:
    """From checkpoints/best.ckpt of a run; with ``onnx`` from the folder of ``seqlab export``.

    Args:
        parser: takes the place of the checkpoint's own.
        trust: packages outside seqlab whose code the checkpoint may name.

    Raises:
        UserError: no such file, a model of another kind, or a run that ended before its thresholds.
    """
    if onnx or (path / ONNX_FILE).is_file():
        return _load_export(path, parser)
    from seqlab.training.checkpoints import load_task

    task, baggage = load_task(path, trust)
    data = baggage["data"]
    if not {"vocabulary", "max_length"} <= set(data):  # what every log model's data has
        raise UserError(f"{path}: {NO_LOG_MODEL}")
    refuse_features(str(path), data, "judging line by line")
    vocabulary = Vocabulary.from_state(data["vocabulary"])
    judge = Judge.from_state(baggage.get("judge"), vocabulary)
    network, kind = task.network, _kind(data)
    scorer: WindowScorer | SessionScorer
    if kind == "windows":
        scorer = _window_scorer(torch_network(network), judge, data)
    else:
        scorer = SessionScorer(torch_sessions(network, vocabulary.bos), judge, data.get("piece_length"))
    from seqlab.exporting.settings import weights_sum

    chosen = _chosen_parser(str(path), data.get("parser"), parser)
    return _model(str(path), vocabulary, judge, scorer, chosen, weights_sum(network))


def _load_export(path: Path, parser: dict[str, Any] | None) -> Model:
    folder = path.parent if path.name == ONNX_FILE else path
    settings_path = folder / SETTINGS
    if not (folder / ONNX_FILE).is_file() or not settings_path.is_file():
        raise UserError(
            f"{path}: no export: --onnx takes the folder that `seqlab export CKPT --format onnx` wrote, "
            f"with {ONNX_FILE} and {SETTINGS}"
        )
    settings = _read_json(settings_path)
    check_network(folder, "onnx", settings)
    data = settings.get("data") or {}
    if not settings.get("vocabulary") or "max_length" not in data:
        raise UserError(f"{settings_path}: {NO_LOG_MODEL}")
    vocabulary = Vocabulary.from_state(settings["vocabulary"])
    judge = Judge.from_state(settings.get("judge"), vocabulary)
    file = folder / ONNX_FILE
    scorer: WindowScorer | SessionScorer
    if _kind(data) == "windows":
        scorer = _window_scorer(onnx_network(file), judge, data)
    else:
        scorer = SessionScorer(onnx_sessions(file), judge, data.get("piece_length"))
    weights = settings.get("network", {}).get("weights", "")
    chosen = _chosen_parser(str(folder), data.get("parser"), parser)
    return _model(str(folder), vocabulary, judge, scorer, chosen, weights)


def _kind(data: dict[str, Any]) -> str:
    """What the network reads."""
    return "windows" if "window_size" in data else "sessions"


def _window_scorer(network: Network, judge: Judge, data: dict[str, Any]) -> WindowScorer:
    return WindowScorer(network, judge, data["window_size"], data["context"])


def _model(
    name: str,
    vocabulary: Vocabulary,
    judge: Judge,
    scorer: WindowScorer | SessionScorer,
    parser: dict[str, Any] | None,
    weights: str,
) -> Model:
    templates = {} if parser is None else templates_of(parser)
    return Model(name, vocabulary, judge, scorer, parser, templates, weights)


def _chosen_parser(
    name: str, own: dict[str, Any] | None, given: dict[str, Any] | None
) -> dict[str, Any] | None:
    """The parser to read lines with.

    Raises:
        UserError: the one given has other templates than the model's own under the same ids.
    """
    if own is None or given is None:
        return given or own
    if found := contradiction(templates_of(given), own):
        raise UserError(
            f"--parser: its template {found.key} is {found.template!r}, of {name} it is {found.known!r}; "
            "leave --parser out, since the model has a parser of its own"
        )
    return given


def no_parser(name: str) -> UserError:
    """What to say where raw lines are to be read and nothing says how."""
    return UserError(
        f"{name} was trained on files of keys and knows no log lines: parse the log with `seqlab parse LOG "
        "--output DIR` and train with data.sessions=DIR; or give --parser DIR, where the keys came from there"
    )


def _read_json(path: Path) -> dict[str, Any]:
    """An object of a JSON file; UserError where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the path is relative to {Path.cwd()}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a JSON object")
    return content
