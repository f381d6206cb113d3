"""Lightning's MLflow logger with a store that needs no server, and runs that can be gone on with."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import MLFlowLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from seqlab.results.outcome import Outcome
from seqlab.training.run_folder import RunFolder

DEFAULT_STORE = "runs/mlflow.db"
_SQLITE = "sqlite:///"
_DESCRIPTION = "mlflow.note.content"


class MlflowTracker(MLFlowLogger):
    """One MLflow run; its figures lie in a store that all runs share.

    Args:
        save_dir: the run folder.
        experiment_name: runs of one name stand beside each other.
        run_name: ``default_name`` where null.
        tracking_uri: null is MLFLOW_TRACKING_URI, or where that is not set runs/mlflow.db: MLflow refuses
            new stores of plain files since 3.7.
        tags: with values, or names alone, which then have the value "true".
        notes: MLflow's description of the run.
        log_model: store best.ckpt beside report.html.
        resumed_id: the run to go on with.
    """

    tracker = "mlflow"

    def __init__(
        self,
        save_dir: str,
        experiment_name: str = "seqlab",
        run_name: str | None = None,
        tracking_uri: str | None = None,
        tags: Mapping[str, Any] | Sequence[str] | None = None,
        notes: str | None = None,
        log_model: bool = False,
        default_name: str | None = None,
        resumed_id: str | None = None,
    ) -> None:
        import mlflow  # noqa: F401  (it sets the levels below when it is imported)

        uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{DEFAULT_STORE}"
        artifacts = None
        if uri.startswith(_SQLITE):  # MLflow's own place for files is mlruns/ wherever it is started
            store = Path(uri.removeprefix(_SQLITE)).resolve()
            store.parent.mkdir(parents=True, exist_ok=True)
            uri, artifacts = f"{_SQLITE}{store}", (store.parent / "mlflow-artifacts").as_uri()
        for name in ("mlflow", "alembic"):  # they tell of each table of a new store
            logging.getLogger(name).setLevel(logging.WARNING)
        super().__init__(
            experiment_name=experiment_name,
            run_name=run_name or default_name,
            tracking_uri=uri,
            tags=_tags(tags or (), notes) or None,
            artifact_location=artifacts,
            run_id=resumed_id,
        )
        self._folder, self._resumed, self._stores_model = save_dir, resumed_id is not None, log_model

    @property
    def save_dir(self) -> str:
        return self._folder

    @rank_zero_only
    def log_hyperparams(self, params: Any) -> None:
        if not self._resumed:  # MLflow refuses another value for a parameter that it has
            super().log_hyperparams(params)

    @rank_zero_only
    def log_run(self, folder: RunFolder, outcome: Outcome, metrics: Mapping[str, float], step: int) -> None:
        """Log the figures of the end, the result table, pictures, report.html, and best.ckpt if asked to."""
        from seqlab.report.panels import figures, result_rows

        self.log_metrics(metrics, step)
        columns, rows = result_rows(outcome)
        by_column = dict(zip(columns, map(list, zip(*rows, strict=True)), strict=False))
        client, run_id = self.experiment, str(self.run_id)
        with warnings.catch_warnings():  # of MLflow's own use of pandas
            warnings.simplefilter("ignore")
            client.log_table(run_id, by_column, "result_table.json")
        with figures(outcome) as drawn:
            for title, figure in drawn.items():
                client.log_figure(run_id, figure, f"panels/{title}.png")
        files = [folder.report, folder.scores]
        if self._stores_model:
            files.append(folder.best_checkpoint)
        for path in files:
            if path.exists():
                client.log_artifact(run_id, str(path))


def _tags(tags: Mapping[str, Any] | Sequence[str], notes: str | None) -> dict[str, Any]:
    found = dict(tags) if isinstance(tags, Mapping) else dict.fromkeys(tags, "true")
    return found | ({_DESCRIPTION: notes} if notes else {})
