"""What a log model keeps in its checkpoint or export: the schema of data and judge. Loads no torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

import numpy as np
from annotated_types import Ge, Interval, Len
from typing_extensions import TypedDict

from seqlab.data.parameters import ParameterNovelty
from seqlab.data.vocabulary import StoredVocabulary, Vocabulary
from seqlab.data.windows import CONTEXTS
from seqlab.detection.surprise import PARTS, SCORES
from seqlab.detection.thresholds import Tail
from seqlab.errors import UserError
from seqlab.logs.line_reader import StoredParser
from seqlab.schemas import Count, FieldsOf, Finite, Positive, Reads, Size, check_sizes


def _check_counts(vectors: Any) -> None:
    found = np.asarray(vectors)
    if found.ndim != 2 or found.dtype.kind not in "iu" or not 0 <= found.min() <= found.max() < 2**31:
        raise UserError("rows of whole numbers are expected, one row at least")


Counts = Annotated[Any, Reads(_check_counts)]  # (U, V), a tensor or lists
Nats = Annotated[Finite, Interval(ge=0, le=1e6)]  # of a cost, which is -log of a count's share


class LogData(TypedDict):
    """The state of a LogSessions."""

    vocabulary: StoredVocabulary
    max_length: Size
    piece_length: NotRequired[Size | None]
    window_size: NotRequired[Size]
    context: NotRequired[Literal[CONTEXTS]]  # type: ignore[valid-type]
    parser: NotRequired[StoredParser]
    times: NotRequired[bool]
    parameters: NotRequired[Annotated[dict[str, Any], Reads(ParameterNovelty.from_state)]]


class CalibrationState(TypedDict):
    values: Annotated[list[Finite], Len(1)]
    tail: Annotated[dict[str, Any], FieldsOf(Tail)] | None


class CountCostsState(TypedDict):
    vectors: Counts
    copies: list[Count]
    key_costs: list[Nats]
    novelty: Nats


class ThresholdState(TypedDict):
    value: Finite


class JudgeState(TypedDict):
    """The state of a Detector."""

    main_score: str
    thresholds: dict[Literal[SCORES], ThresholdState]  # type: ignore[valid-type]
    pseudo_sessions: Annotated[Finite, Ge(0)]
    unseen_share: Finite
    parts: list[Literal[PARTS]]  # type: ignore[valid-type]
    calibrations: dict[str, CalibrationState]
    allowed: Finite
    count_vectors: Counts
    count_costs: CountCostsState
    cost_inflation: Positive
    unk: Count
    unseen_key_share: Finite
    unseen_floor: Finite | None
    run_count_costs: NotRequired[CountCostsState]


class LogContents(TypedDict):
    """What a checkpoint holds of its data and its judge, or an export's settings; ``StoredLogModel`` is one
    whose parts fit each other."""

    data: LogData
    judge: JudgeState | None
    sizes: dict[str, Any]


def _check_widths(contents: LogContents) -> None:
    vocabulary, judge = Vocabulary.from_state(contents["data"]["vocabulary"]), contents["judge"]
    check_sizes(contents["sizes"], vocab_size=len(vocabulary))
    if ("window_size" in contents["data"]) != ("context" in contents["data"]):
        raise UserError("data has one of window_size and context, without the other")
    if judge is None:
        return
    if judge["main_score"] not in judge["thresholds"]:
        raise UserError(f"judge.main_score is {judge['main_score']!r}, which judge.thresholds lacks")
    if lacking := set(judge["parts"]) - {*judge["calibrations"], "count_cost"}:
        raise UserError(f"judge.calibrations lacks {', '.join(sorted(lacking))}, which judge.parts names")
    if judge["unk"] != vocabulary.unk:
        raise UserError(f"judge.unk is {judge['unk']}, in the vocabulary it is {vocabulary.unk}")
    stored: list[CountCostsState] = [judge["count_costs"], *filter(None, [judge.get("run_count_costs")])]
    rows = [judge["count_vectors"], *(each["vectors"] for each in stored)]
    widths = [np.shape(each)[1] for each in rows] + [len(each["key_costs"]) for each in stored]
    if {*widths} != {len(vocabulary)}:
        raise UserError(
            f"judge.count_vectors or judge.count_costs is of another width than {len(vocabulary)}"
        )
    if any(len(each["copies"]) != len(each["vectors"]) for each in stored):
        raise UserError("judge.count_costs has not as many copies as vectors")


StoredLogModel = Annotated[LogContents, Reads(_check_widths)]
