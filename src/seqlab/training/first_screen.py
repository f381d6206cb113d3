"""The first screen of a finished run: five to eight lines that a newcomer understands."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence

from seqlab.errors import escaped
from seqlab.results.outcome import Outcome

MOST_WARNINGS = 2
COMMANDS = ("report", "next")  # what is copied is not folded


def first_screen(
    outcome: Outcome,
    metrics: Mapping[str, float],
    learned_from: str,
    ways_on: Sequence[tuple[str, str]],
    most_warnings: int = MOST_WARNINGS,
) -> str:
    """What was learned, how well, how good the best method without a network is, times, what comes next.

    Args:
        learned_from: what training read, in words.
        ways_on: where the report lies, and what to type.
    """
    warnings = outcome.result_table().warnings
    hidden = len(warnings) - most_warnings
    lines = [
        *([("learned", f"from {learned_from}")] if learned_from else []),
        *(outcome.in_words() or _validation(metrics)),
        *(("warning", warning) for warning in warnings[:most_warnings]),
        *([("warning", f"{hidden} more, with verbose=true and in the report")] if hidden > 0 else []),
        ("time", _times(metrics)),
        *ways_on,
    ]
    room = max(len(what) for what, _ in lines) + 2
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    return "\n".join(_line(what, escaped(said), room, width) for what, said in lines)


def _line(what: str, said: str, room: int, width: int) -> str:
    heading = f"{what}:".ljust(room)
    if what in COMMANDS or width <= 2 * room:
        return f"{heading}{said}"
    blanks = " " * room
    folded = textwrap.wrap(
        said, width, initial_indent=heading, subsequent_indent=blanks, break_on_hyphens=False
    )
    return "\n".join(folded)


def _validation(metrics: Mapping[str, float]) -> list[tuple[str, str]]:
    """What is known of a run that was not tested."""
    figures = [f"{name} {value:.4g}" for name, value in metrics.items() if name.startswith("val/")]
    return [("validation", f"{', '.join(figures)}; nothing was tested")]


def _times(metrics: Mapping[str, float]) -> str:
    names = {"setup": "setup", "fit": "training", "judge": "judging"}
    times = [f"{said} {metrics[f'timing/{name}_seconds']:.1f} s" for name, said in names.items()]
    rate, speed = next((name, value) for name, value in metrics.items() if name.endswith("_per_second"))
    unit = rate.removeprefix("timing/train_").removesuffix("_per_second").replace("_", " ")
    return f"{', '.join(times)} ({speed:,.0f} {unit} a second in training)"
