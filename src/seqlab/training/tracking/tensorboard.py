"""Lightning's TensorBoard logger with what a run leaves at its end, in TensorBoard's own terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from seqlab.results.outcome import LinePanel, Outcome
from seqlab.training.run_folder import RunFolder

SCORE_ROWS = 100  # of scores.csv
CURVE_POINTS = 127  # TensorBoard reads no more


class TensorBoardTracker(TensorBoardLogger):
    """Event files in the run folder; arguments are those of Lightning's logger."""

    @rank_zero_only
    def log_run(self, folder: RunFolder, outcome: Outcome, metrics: Mapping[str, float], step: int) -> None:
        """Log the figures of the end, beside the settings they came from; tables, curves and pictures."""
        from seqlab.report.panels import figures, result_rows

        self.log_hyperparams(dict(self.hparams), dict(metrics), step)
        writer = self.experiment
        writer.add_text("report/result_table", _markdown(*result_rows(outcome)), step)
        if folder.scores.exists():
            import pandas as pd

            scores = pd.read_csv(folder.scores, nrows=SCORE_ROWS)
            writer.add_text("report/scores", _markdown([*scores], scores.to_numpy().tolist()), step)
        for panel in outcome.line_panels().values():
            _add_curves(writer, panel, step)
        with figures(outcome) as drawn:
            for title, figure in drawn.items():
                writer.add_figure(f"panels/{title}", figure, step)
        self.save()


def _add_curves(writer: Any, panel: LinePanel, step: int) -> None:
    """Precision-recall curves, from all an alert to none, as TensorBoard reads them."""
    for name, (hits, wrong) in panel.counts.items():
        recall, precision = panel.lines[name]
        kept = np.unique(np.linspace(0, len(hits) - 1, CURVE_POINTS).round().astype(int))[::-1]
        found, false = hits[kept], wrong[kept]
        counts = found, false, wrong[-1] - false, hits[-1] - found
        rates = precision[kept], recall[kept]
        writer.add_pr_curve_raw(f"curves/{name}", *counts, *rates, step, num_thresholds=len(kept))


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4g}"
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
