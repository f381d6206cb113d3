"""Alerts as cards: each key of a session as a chip, shaded by how much it surprised the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from textwrap import shorten

from markupsafe import Markup

from seqlab.report.page import fill
from seqlab.report.tables import format_number

# A key of surprise s nats had the probability exp(-s): the steps are 1 in 2, 10, 100, 1,000 and 10,000.
LEVEL_EDGES = (math.log(2), math.log(10), math.log(100), math.log(1000), math.log(10_000))
STANDS_OUT = LEVEL_EDGES[2]  # a key that the model gave a probability below 1 in 100 is a cause by itself
_FOLD_LONGER_THAN = 12  # equal keys in a row, none of them as surprising as 1 in 10
_SHOW_ALL_UP_TO, _SHOW_FIRST, _SHOW_LAST, _SHOW_AROUND = 400, 180, 100, 30
_TOOLTIP_LETTERS = 110
_VERDICTS = {
    -1: ("unknown", "label unknown"),
    0: ("normal", "normal: a false alarm"),
    1: ("abnormal", "abnormal: a true alarm"),
}


@dataclass(frozen=True)
class Alert:
    """A session whose score passed the threshold."""

    session_id: str
    label: int  # -1 unknown, 0 normal, 1 abnormal
    score: float
    threshold: float
    keys: Sequence[str]  # (T,)
    surprise: Sequence[float]  # (T,) nats, NaN where it is not known
    descriptions: Mapping[str, str] = field(default_factory=dict)  # key to its message template
    counts: Mapping[str, int] = field(default_factory=dict)  # key to how many more than a normal session has
    num_events: int | None = None  # those of the log: the end of a session is a key and no event

    @property
    def length(self) -> int:
        """Events of the session."""
        return len(self.keys) if self.num_events is None else self.num_events

    @property
    def verdict(self) -> tuple[str, str]:
        """The label in one word and in words."""
        return _VERDICTS[self.label]


@dataclass(frozen=True)
class Cause:
    """Alerts in which the same key surprised most."""

    key: str  # empty where none stands out
    template: str  # its message, if known
    labels: list[int]  # of all of them
    shown: Sequence[Alert]

    @property
    def made_of(self) -> str:
        """How many they are, by label: ``34 alerts: 33 abnormal, 1 normal``."""
        number = f"{len(self.labels):,} alert{'' if len(self.labels) == 1 else 's'}"
        kinds = [
            f"{self.labels.count(label):,} {name}"
            for label, name in ((1, "abnormal"), (0, "normal"), (-1, "unlabeled"))
            if label in self.labels
        ]
        return number if self.labels.count(-1) == len(self.labels) else f"{number}: {', '.join(kinds)}"


@dataclass(frozen=True)
class _Chip:
    """A key, or a run of equal keys that did not surprise."""

    key: str
    surprise: float  # nats, the largest of a run; NaN if not known
    place: int  # of its first key, from 0
    count: int
    template: str
    top: bool

    @property
    def style(self) -> str:
        level = surprise_level(self.surprise)
        return f"k{'x' if level is None else level}{' top' if self.top else ''}"

    @property
    def amount(self) -> str:
        if math.isnan(self.surprise):
            return "surprise unknown"
        return f"{'at most ' if self.count > 1 else ''}{format_number(self.surprise, digits=3)} nats"

    @property
    def tooltip(self) -> str:
        template = shorten(self.template, _TOOLTIP_LETTERS, placeholder="…")
        return f"{template} ({self.amount})" if template else self.amount


def surprise_level(surprise: float) -> int | None:
    """Step 0 to 5 of the shading; None if the surprise is not known (NaN)."""
    return None if math.isnan(surprise) else sum(surprise >= edge for edge in LEVEL_EDGES)


def surprise_steps() -> list[str]:
    """What the steps of the shading stand for, in nats."""
    edges = [f"{edge:.1f}" for edge in LEVEL_EDGES]
    between = [f"{low}–{high}" for low, high in pairwise(edges)]
    return [f"below {edges[0]}", *between, f"{edges[-1]} and more"]


def _chips(alert: Alert) -> list[_Chip]:
    """The session's chips, long runs of equal unsurprising keys folded to one."""
    surprise = list(map(float, alert.surprise))
    known = [place for place, nats in enumerate(surprise) if not math.isnan(nats)]
    top = max(known, key=lambda place: surprise[place], default=-1)

    def kind(place: int) -> tuple[str, int]:
        """Equal for neighbors that may be folded."""
        return alert.keys[place], -1 if surprise[place] < LEVEL_EDGES[1] and place != top else place

    chips: list[_Chip] = []
    for (key, _), group in groupby(range(len(surprise)), key=kind):
        run = list(group)
        step = len(run) if len(run) > _FOLD_LONGER_THAN else 1
        chips += [
            _Chip(
                key,
                max(surprise[place : place + step]),
                place,
                step,
                alert.descriptions.get(key, ""),
                place == top,
            )
            for place in run[::step]
        ]
    return chips


def _shown(chips: Sequence[_Chip]) -> list[_Chip | int]:
    """All chips; of a very long session its beginning, its end and what surrounds the top one.

    Numbers are those of the keys left out in between.
    """
    if len(chips) <= _SHOW_ALL_UP_TO:
        return list(chips)
    top = next((place for place, chip in enumerate(chips) if chip.top), 0)
    around = range(top - _SHOW_AROUND, top + _SHOW_AROUND + 1)
    keep = {*range(_SHOW_FIRST), *range(len(chips) - _SHOW_LAST, len(chips)), *around}
    parts: list[_Chip | int] = []
    for is_kept, group in groupby(range(len(chips)), key=keep.__contains__):
        part = [chips[place] for place in group]
        parts += part if is_kept else [sum(chip.count for chip in part)]
    return parts


def causes_block(causes: Sequence[Cause]) -> Markup:
    """Alerts as cards, by cause, in the order given, with the scale of the shading and the keys' meanings.

    The true label is text, the most surprising key is outlined and named: color alone tells nothing.
    """
    alerts = [alert for cause in causes for alert in cause.shown]
    meanings = {key: alert.descriptions.get(key, "") for alert in alerts for key in alert.keys}
    return fill(
        "alerts",
        causes=[(cause, [_card(alert) for alert in cause.shown]) for cause in causes],
        steps=surprise_steps() if alerts else [],
        meanings=sorted(
            (pair for pair in meanings.items() if pair[1]), key=lambda pair: (len(pair[0]), pair)
        ),
        number=format_number,
    )


def _card(alert: Alert) -> tuple[Alert, list[_Chip | int], _Chip | None]:
    """An alert, its chips and the top one."""
    chips = _chips(alert)
    return alert, _shown(chips), next((chip for chip in chips if chip.top), None)
