"""What to do with a detection run whose labels allow no figure."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import numpy as np

from seqlab.evaluation.outcome import Outcome
from seqlab.trust import trust_options


def next_steps(outcome: Outcome, checkpoint: str, parsed: str | None, trust: Sequence[str] = ()) -> list[str]:
    """The commands that show what a model without figures is good for; none where figures say it.

    Args:
        checkpoint: as it is typed.
        parsed: ``data.sessions`` of the run; None where it read files of keys.
        trust: packages outside seqlab that the checkpoint names.
    """
    from seqlab.detection.evaluation import DetectionOutcome

    if not isinstance(outcome, DetectionOutcome) or outcome.curves or not len(outcome.sessions):
        return []
    most_suspect = int(np.argmax(outcome.scores[outcome.main_score]))
    block, model = shlex.quote(str(outcome.sessions.ids[most_suspect])), shlex.quote(checkpoint)
    steps = [f"predict {model} NEW --output alerts.csv", f"explain {model} {block} --sessions FILE"]
    if parsed is not None:
        sessions = shlex.quote(parsed)
        steps = [f"detect {model} NEW.log", f"explain {model} {block} --sessions {sessions}"]
    return [" ".join(["seqlab", step, *([trust_options(trust)] if trust else [])]) for step in steps]
