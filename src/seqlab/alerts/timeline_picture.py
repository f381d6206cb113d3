"""A block's timeline as a picture: events from top to bottom, bars for surprise, what was expected beside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlab.alerts.alert import UNSEEN, printable
from seqlab.alerts.timeline import Timeline, TimelineEvent
from seqlab.alerts.timeline_text import folded, heading, is_surprising
from seqlab.data.vocabulary import EOS_TOKEN
from seqlab.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

FORMATS = (".svg", ".png", ".pdf")
# those of report/report.css, light
PAPER, INK, MUTED, GRID, CALM, HOT = "#fcfcfb", "#1b2024", "#5a636b", "#e5e8ea", "#14607a", "#c84a12"
_LETTERS = 58  # of a template
_ROW_INCHES, _WIDTH_INCHES = 0.26, 15.6
_NUMBER_AT, _TIME_AT, _KEY_AT, _TEMPLATE_AT = 0.55, 0.7, 1.95, 2.1  # inches from the left
_UNTIMED_NUMBER_AT = 1.4  # nearer to the key, where events have no times
_BARS_AT, _BARS_WIDTH, _EXPECTED_AT = 7.1, 3.4, 10.65
_MOST_ROWS = 300


def check_picture(path: Path) -> None:
    """Raise UserError for a name that no picture can be written under."""
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"--picture {path}: choose a name that ends in {', '.join(FORMATS)}")
    if not path.absolute().parent.is_dir():
        raise UserError(f"--picture {path}: the folder {path.parent} does not exist")
    if path.is_dir():
        raise UserError(f"--picture {path} is a folder: give the name of a file")


def write_picture(shown: Timeline, path: Path) -> None:
    """Draw into a file; its ending names the format.

    Raises:
        UserError: see ``check_picture``, or a file that cannot be written.
    """
    check_picture(path)
    import matplotlib
    from matplotlib.figure import Figure

    rows = list(folded(shown, everything=False))
    left_out = max(len(rows) - _MOST_ROWS, 0)
    rows = rows[:_MOST_ROWS]
    settings: dict[Any, Any] = {
        name: value for name, value in matplotlib.rcParamsDefault.items() if "backend" not in name
    }
    settings |= {"font.size": 9.5, "font.family": ["DejaVu Sans"], "text.parse_math": False}
    settings |= {"svg.fonttype": "none", "svg.hashsalt": "seqlab"}
    head = heading(shown)
    with matplotlib.rc_context(settings):
        height = (len(rows) + 2.2) * _ROW_INCHES + 0.24 * len(head)
        figure = Figure(figsize=(_WIDTH_INCHES, height), facecolor=PAPER)
        top = 1 - (0.24 * len(head) + 0.2) / height
        left, width = _BARS_AT / _WIDTH_INCHES, _BARS_WIDTH / _WIDTH_INCHES
        axes = figure.add_axes((left, 0.5 / height, width, top - 0.5 / height), facecolor=PAPER)
        _draw_bars(figure, axes, shown, rows)
        for place, text in enumerate(head):
            figure.text(
                0.012,
                1 - (0.24 * place + 0.12) / height,
                text.strip(),
                color=INK if place < 2 else MUTED,
                weight="bold" if place == 0 else "normal",
                va="top",
            )
        if left_out:
            figure.text(0.012, 0.1 / height, f"{left_out:,} more rows are left out", color=MUTED)
        try:
            metadata: Any = {"Date": None} if path.suffix.lower() == ".svg" else None
            figure.savefig(path, facecolor=PAPER, dpi=130, metadata=metadata)
        except OSError as error:
            raise UserError(f"--picture {path}: cannot be written: {error.strerror}") from None


def _draw_bars(
    figure: Figure, axes: Axes, shown: Timeline, rows: list[TimelineEvent | tuple[int, float]]
) -> None:
    from matplotlib.transforms import blended_transform_factory

    known = [event.nll for event in shown.events if event.nll is not None and not event.unseen]
    largest = max([*known, shown.threshold if shown.score_name == "nll_max" else 0.0, 1.0]) * 1.08
    inches = blended_transform_factory(figure.dpi_scale_trans, axes.transData)  # x in inches, y in rows
    for place, item in enumerate(rows):
        if isinstance(item, tuple):
            text = f"… {item[0]:,} events, none above {item[1]:.1f} nats"
            axes.text(_TEMPLATE_AT, place, text, transform=inches, va="center", color=MUTED)
        else:
            _draw_event(axes, inches, shown, place, item, largest)
    axes.set(xlim=(0, largest), ylim=(len(rows) - 0.4, -0.6), yticks=[])
    axes.set_xlabel("surprise in nats (2.3: 1 in 10, 4.6: 1 in 100)", color=MUTED)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(MUTED)
    axes.tick_params(which="both", bottom=False, labelcolor=MUTED)
    axes.grid(axis="x", color=GRID, linewidth=1)
    axes.set_axisbelow(True)
    if shown.score_name == "nll_max":
        axes.axvline(shown.threshold, color=HOT, linewidth=1, dashes=(4, 3))
        text = f"threshold {shown.threshold:.3g}"
        axes.text(shown.threshold, -0.75, text, color=HOT, ha="center", va="bottom")


def _draw_event(
    axes: Axes, inches: Transform, shown: Timeline, place: int, item: TimelineEvent, largest: float
) -> None:
    hot, end = is_surprising(item), item.key == EOS_TOKEN
    value = largest if item.unseen else (item.nll or 0.0)
    axes.barh(place, value, height=0.62, color=HOT if hot else CALM)
    look: dict[str, Any] = {"transform": inches, "va": "center", "color": INK if hot or end else MUTED}
    number_at = _NUMBER_AT if any(event.time is not None for event in shown.events) else _UNTIMED_NUMBER_AT
    axes.text(number_at, place, "end" if end else str(item.position), ha="right", **look)
    axes.text(
        _TIME_AT, place, "" if item.time is None else item.time.rsplit(" ", 1)[1][:8], ha="left", **look
    )
    axes.text(_KEY_AT, place, item.key, ha="right", **look)
    weight = "bold" if item.position - 1 == shown.worst else "normal"
    template = item.template or (UNSEEN if item.unseen else "")
    axes.text(_TEMPLATE_AT, place, _cut(template, _LETTERS), ha="left", weight=weight, **look)
    amount = "" if item.nll is None else (UNSEEN if item.unseen else f"{item.nll:.1f}")
    inside = value > 0.75 * largest
    gap = largest * 0.015
    color, side = (PAPER, "right") if inside else (MUTED, "left")
    axes.text(value - gap if inside else value + gap, place, amount, ha=side, va="center", color=color)
    if hot:
        best = item.expected[0]
        text = f"expected {best.key} ({best.probability:.2f}): {best.template}"
        axes.text(_EXPECTED_AT, place, _cut(text, _LETTERS), ha="left", **look)


def _cut(text: str, most: int) -> str:
    plain = printable(text)
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"
