"""What to do with a detection run whose labels allow no figure."""

from __future__ import annotations

import shlex

import numpy as np

from seqlab.evaluation.outcome import Outcome


def next_steps(outcome: Outcome, checkpoint: str, parsed: str | None) -> list[str]:
    """The commands that show what a model without figures is good for; none where figures say it.

    Args:
        checkpoint: as it is typed.
        parsed: ``data.sessions`` of the run; None where it read files of keys.
    """
    from seqlab.detection.evaluation import DetectionOutcome

    if not isinstance(outcome, DetectionOutcome) or outcome.curves or not len(outcome.sessions):
        return []
    most_suspect = int(np.argmax(outcome.scores[outcome.main_score]))
    block, model = shlex.quote(str(outcome.sessions.ids[most_suspect])), shlex.quote(checkpoint)
    if parsed is None:
        return [
            f"seqlab predict {model} NEW --output alerts.csv",
            f"seqlab explain {model} {block} --sessions FILE",
        ]
    return [
        f"seqlab detect {model} NEW.log",
        f"seqlab explain {model} {block} --sessions {shlex.quote(parsed)}",
    ]
