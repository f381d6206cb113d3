"""Alerts as cards: each key of a session as a chip, shaded by how much it surprised the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from markupsafe import Markup

from seqlab.report.tables import format_number

# A key of surprise s nats had the probability exp(-s): the steps are 1 in 2, 10, 100, 1,000 and 10,000.
LEVEL_EDGES = (math.log(2), math.log(10), math.log(100), math.log(1000), math.log(10_000))
_PLAIN_BELOW = LEVEL_EDGES[1]  # what a fold may hide
_FOLD_LONGER_THAN = 12
_SHOW_ALL_UP_TO, _SHOW_FIRST, _SHOW_LAST, _SHOW_AROUND = 400, 180, 100, 30
_TOOLTIP_LETTERS = 110
_LABEL_TEXTS = {-1: "label unknown", 0: "normal: a false alarm", 1: "abnormal: a true alarm"}


@dataclass(frozen=True)
class Alert:
    """A session whose score passed the threshold.

    Raises:
        ValueError: another number of surprises than keys, or a label other than -1, 0 and 1.
    """

    session_id: str
    label: int  # -1 unknown, 0 normal, 1 abnormal
    score: float
    threshold: float
    keys: Sequence[str]  # (T,)
    surprise: Sequence[float]  # (T,) nats; empty if the score has no such parts
    descriptions: Mapping[str, str] = field(default_factory=dict)  # key to its message template
    counts: Mapping[str, int] = field(default_factory=dict)  # key to how many more than a normal session has

    def __post_init__(self) -> None:
        if self.label not in _LABEL_TEXTS:
            raise ValueError(f"label={self.label!r} of {self.session_id!r}: choose -1, 0 or 1")
        if len(self.surprise) not in (0, len(self.keys)):
            raise ValueError(
                f"{self.session_id!r} has {len(self.keys)} keys and {len(self.surprise)} surprises; "
                "give one surprise per key, or none at all"
            )


@dataclass(frozen=True)
class _Chip:
    """A key, or a run of equal keys that did not surprise."""

    key: str
    surprise: float  # nats, the largest of a run; NaN if not known
    place: int  # of its first key, from 0
    count: int = 1
    top: bool = False


def surprise_level(surprise: float) -> int | None:
    """Step 0 to 5 of the shading; None if the surprise is not known (NaN)."""
    if math.isnan(surprise):
        return None
    return sum(surprise >= edge for edge in LEVEL_EDGES)


def _chips(alert: Alert) -> list[_Chip]:
    """The session's chips, with runs of more than 12 equal unsurprising keys folded to one."""
    surprise = [float(value) for value in alert.surprise] or [math.nan] * len(alert.keys)
    known = [place for place, value in enumerate(surprise) if not math.isnan(value)]
    top = max(known, key=lambda place: surprise[place], default=-1)
    chips: list[_Chip] = []
    start = 0
    while start < len(surprise):
        end = start + 1
        key = alert.keys[start]
        if start != top and not surprise[start] >= _PLAIN_BELOW:
            while (
                end < len(surprise)
                and end != top
                and alert.keys[end] == key
                and not surprise[end] >= _PLAIN_BELOW
                and math.isnan(surprise[end]) == math.isnan(surprise[start])
            ):
                end += 1
        if end - start > _FOLD_LONGER_THAN:
            chips.append(_Chip(key, max(surprise[start:end]), start, end - start))
        else:
            chips += [_Chip(key, surprise[place], place, top=place == top) for place in range(start, end)]
        start = end
    return chips


def _shorten(text: str) -> str:
    return text if len(text) <= _TOOLTIP_LETTERS else f"{text[: _TOOLTIP_LETTERS - 1]}…"


def _nats(surprise: float) -> str:
    return "surprise unknown" if math.isnan(surprise) else f"{format_number(surprise, digits=3)} nats"


def _chip(chip: _Chip, descriptions: Mapping[str, str]) -> Markup:
    level = surprise_level(chip.surprise)
    classes = f"k{'x' if level is None else level}{' top' if chip.top else ''}"
    amount = _nats(chip.surprise) if chip.count == 1 else f"at most {_nats(chip.surprise)}"
    template = descriptions.get(chip.key, "")
    tooltip = f"{_shorten(template)} ({amount})" if template else amount
    times = Markup(" <b>×{}</b>").format(chip.count) if chip.count > 1 else ""
    return Markup('<li class="{}" title="{}">{}{}</li>').format(classes, tooltip, chip.key, times)


def _key_list(chips: Sequence[_Chip], descriptions: Mapping[str, str]) -> Markup:
    """All chips; of a very long session the beginning, the end and what surrounds the top one."""
    shown = set(range(len(chips)))
    if len(chips) > _SHOW_ALL_UP_TO:
        top = next((place for place, chip in enumerate(chips) if chip.top), 0)
        around = range(top - _SHOW_AROUND, top + _SHOW_AROUND + 1)
        shown &= {*range(_SHOW_FIRST), *range(len(chips) - _SHOW_LAST, len(chips)), *around}
    parts: list[Markup] = []
    hidden = 0
    for place, chip in enumerate(chips):
        if place not in shown:
            hidden += chip.count
            continue
        if hidden:
            parts.append(Markup('<li class="gap">… {:,} keys left out …</li>').format(hidden))
            hidden = 0
        parts.append(_chip(chip, descriptions))
    return Markup('<ol class="keys">{}</ol>').format(Markup("").join(parts))


def _explanation(alert: Alert, chips: Sequence[_Chip]) -> Markup:
    """The most surprising key in words: a phone shows no tooltips."""
    for chip in chips:
        if chip.top:
            template = alert.descriptions.get(chip.key, "")
            return Markup("<p>Most surprising: <code>{}</code>, place {} of {}, {}{}</p>").format(
                chip.key,
                chip.place + 1,
                len(alert.keys),
                _nats(chip.surprise),
                Markup(": <q>{}</q>").format(template) if template else ".",
            )
    return Markup("")


def _counts(alert: Alert) -> Markup:
    """In which keys the counts differ from those of the nearest normal session, in words."""
    if not alert.counts:
        return Markup("")
    parts = [
        Markup("<code>{}</code> {:,} {}").format(key, abs(more), "more" if more > 0 else "fewer")
        for key, more in alert.counts.items()
    ]
    return Markup("<p>Counts, beside the nearest normal session: {}.</p>").format(Markup(", ").join(parts))


def _card(alert: Alert) -> Markup:
    chips = _chips(alert)
    count = len(alert.keys)
    return Markup(
        '<article class="alert"><h3><code>{}</code></h3><p class="verdict label-{}">'
        "<span>{}</span> <span>score {}</span> <span>threshold {}</span> <span>{}</span></p>{}{}{}</article>"
    ).format(
        alert.session_id,
        {-1: "unknown", 0: "normal", 1: "abnormal"}[alert.label],
        _LABEL_TEXTS[alert.label],
        format_number(alert.score),
        format_number(alert.threshold),
        f"{count:,} {'key' if count == 1 else 'keys'}",
        _explanation(alert, chips),
        _counts(alert),
        _key_list(chips, alert.descriptions),
    )


def _scale_legend() -> Markup:
    edges = [f"{edge:.1f}" for edge in LEVEL_EDGES]
    texts = [f"below {edges[0]}"]
    texts += [f"{low}–{high}" for low, high in pairwise(edges)]
    texts.append(f"{edges[-1]} and more")
    chips = [Markup('<li class="k{}">{}</li>').format(level, text) for level, text in enumerate(texts)]
    return Markup(
        '<div class="scale"><p>Surprise of a key in nats, −ln of the probability the model gave it '
        '(2.3 nats: 1 in 10, 4.6: 1 in 100, 6.9: 1 in 1,000):</p><ol class="keys">{}'
        '<li class="k5 top">most surprising of its session</li></ol></div>'
    ).format(Markup("").join(chips))


def _glossary(alerts: Sequence[Alert]) -> Markup:
    """What the keys of these alerts mean, once for all cards."""
    texts = {
        key: alert.descriptions[key] for alert in alerts for key in alert.keys if alert.descriptions.get(key)
    }
    if not texts:
        return Markup("")
    ordered = sorted(texts, key=lambda key: (len(key), key))
    rows = (Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(key, texts[key]) for key in ordered)
    return Markup(
        '<details class="glossary"><summary>What the keys mean ({})</summary><dl>{}</dl></details>'
    ).format(len(texts), Markup("").join(rows))


def alerts_block(alerts: Sequence[Alert]) -> Markup:
    """Cards of the alerts in the order given, with the scale of the shading and a glossary of the keys.

    The true label is text, the most surprising key is outlined and named: color alone tells nothing.
    """
    if not alerts:
        return Markup("<p>No alert to show.</p>")
    legend = _scale_legend() if any(len(alert.surprise) for alert in alerts) else Markup("")
    return legend + _glossary(alerts) + Markup("\n").join(_card(alert) for alert in alerts)
