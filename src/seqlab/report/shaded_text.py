"""Running text whose tokens are shaded by how much each surprised the model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from seqlab.report.alerts import LEVEL_EDGES, surprise_level
from seqlab.report.tables import format_number

_STYLE = Markup("""<style>
.running { max-width: none; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.75; }
.running i, .steps i { font-style: normal; }
.running .s1, .steps .s1 { background: rgb(var(--heat) / .13); }
.running .s2, .steps .s2 { background: rgb(var(--heat) / .26); }
.running .s3, .steps .s3 { background: rgb(var(--heat) / .4); }
.running .s4, .steps .s4 { background: rgb(var(--heat) / .54); }
.running .s5, .steps .s5 { background: rgb(var(--heat) / .68); }
.steps { color: var(--muted); font-size: .92rem; }
.steps i { padding: .1rem .35rem; border-radius: 3px; color: var(--ink); white-space: nowrap; }
</style>""")


def shaded_text(pieces: Sequence[str], surprise: Sequence[float], unit: str) -> Markup:
    """A passage as it is written, each piece on a ground as dark as its surprise; line breaks are shown.

    Args:
        pieces: (N,) what each token adds to the text.
        surprise: (N,) nats; NaN for a token that nothing predicted.
        unit: what a token is called.

    Raises:
        ValueError: another number of pieces than of surprises.
    """
    if len(pieces) != len(surprise):
        raise ValueError(f"{len(pieces)} pieces and {len(surprise)} surprises: give one surprise per piece")
    parts = [_shaded(piece, float(nats)) for piece, nats in zip(pieces, surprise, strict=True)]
    return _STYLE + _legend(unit) + Markup('<p class="running">{}</p>').format(Markup("").join(parts))


def _shaded(piece: str, nats: float) -> Markup:
    level = surprise_level(nats)
    if not level:
        return Markup("{}").format(piece)
    shown = piece.replace("\n", "↵\n")  # a break has no ground of its own to shade
    return Markup('<i class="s{}" title="{} nats">{}</i>').format(level, format_number(nats, digits=3), shown)


def _legend(unit: str) -> Markup:
    edges = [f"{edge:.1f}" for edge in LEVEL_EDGES]
    texts = [f"{low}–{high}" for low, high in pairwise(edges)] + [f"{edges[-1]} and more"]
    steps = [Markup('<i class="s{}">{}</i>').format(level, text) for level, text in enumerate(texts, start=1)]
    return Markup(
        '<p class="steps">Surprise of a {} in nats (2.3: it had a probability of 1 in 10, '
        "4.6: 1 in 100): {}</p>"
    ).format(unit, Markup(" ").join(steps))
