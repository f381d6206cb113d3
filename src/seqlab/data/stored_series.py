"""What a forecasting model keeps in its checkpoint: the schema of its data."""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from typing_extensions import TypedDict

from seqlab.data.scaling import SCALINGS, TRANSFORMS, ScalerState
from seqlab.data.series_encoding import SeriesEncoding
from seqlab.data.series_table import MISSING
from seqlab.errors import UserError
from seqlab.schemas import Reads, Size


class Scales(TypedDict):
    """What was fitted on one series."""

    input_scaler: ScalerState
    target_scaler: ScalerState


class EncodingState(Scales):
    """A SeriesEncoding in a checkpoint; ``StoredEncoding`` is one that can be read."""

    targets: list[str]
    features: list[str]
    seq_length: Size
    horizon: Size
    target_transform: Literal[TRANSFORMS]  # type: ignore[valid-type]
    feature_transforms: list[Literal[TRANSFORMS]]  # type: ignore[valid-type]
    known: list[str]


StoredEncoding = Annotated[EncodingState, Reads(SeriesEncoding.from_state)]


class ReadingState(TypedDict):
    """The options of ``read_series``."""

    time: str | None
    id: str | None
    columns: list[str] | None
    missing: Literal[tuple(MISSING)]  # type: ignore[valid-type]
    only: NotRequired[str | None]
    single: NotRequired[bool]
    reverse: NotRequired[bool | None]
    beside: NotRequired[list[str]]


class ColumnsState(TypedDict):
    """The options of ``choose_columns``."""

    targets: list[str]
    features: list[str]
    known: list[str]
    prices: NotRequired[bool]


class SeriesState(TypedDict):
    """A TimeSeries in a checkpoint."""

    encoding: StoredEncoding
    reading: ReadingState
    columns: ColumnsState
    rolls: bool
    scaling: Literal[SCALINGS]  # type: ignore[valid-type]
    series: dict[str, Scales]


def _check_names(state: SeriesState) -> None:
    columns, encoded = dict(state["columns"]), dict(state["encoding"])
    if any(columns[name] != encoded[name] for name in ("targets", "features", "known")):
        raise UserError("columns and encoding name other targets, features or known columns")
    encoding = SeriesEncoding.from_state(encoded)
    for scales in state["series"].values():
        encoding.with_scales(dict(scales))


StoredSeries = Annotated[SeriesState, Reads(_check_names)]
