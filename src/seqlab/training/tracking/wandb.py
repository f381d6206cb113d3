"""Lightning's W&B logger with what a run of seqlab adds: a mode that cannot hang, media, artifact, an end."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from pytorch_lightning.loggers import WandbLogger
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from seqlab.errors import UserError
from seqlab.results.outcome import Outcome
from seqlab.training.run_folder import RunFolder, tell

MODES = ("online", "offline", "disabled")
_SECTION = re.compile(r'<section aria-labelledby="section-\d+">.*?</section>', re.DOTALL)
_HEADING = re.compile(r"<h2[^>]*>(.*?)</h2>", re.DOTALL)
_HEAD = re.compile(r"\A.*?</head>", re.DOTALL)


class WandbTracker(WandbLogger):
    """One W&B run in the run folder.

    Args:
        save_dir: the run folder; files lie under ``wandb/`` in it.
        name: ``default_name`` where null.
        group: ``default_group`` where null: all seeds of a setting.
        mode: online, offline or disabled; null is online where a key is there.
        log_model: upload best.ckpt as an artifact at the end.
        log_report: log the tables and pictures of report.html at the end.
        table_rows: the first rows of scores.csv that are logged as a table.
        init_timeout: seconds to wait for the server before the run goes on offline.
        finish_timeout: seconds to wait for the last upload; what is missing then is on disk.
        init: further arguments of ``wandb.init``.
        resumed_id: the run to go on with.

    Raises:
        UserError: no such mode.
    """

    tracker = "wandb"

    def __init__(
        self,
        save_dir: str,
        project: str = "seqlab",
        entity: str | None = None,
        name: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        tags: Sequence[str] | None = None,
        notes: str | None = None,
        mode: str | None = None,
        log_model: bool = True,
        log_report: bool = True,
        table_rows: int = 1000,
        init_timeout: float = 20.0,
        finish_timeout: float = 300.0,
        init: Mapping[str, Any] | None = None,
        default_name: str | None = None,
        default_group: str | None = None,
        resumed_id: str | None = None,
    ) -> None:
        chosen, notice = choose_mode(mode)
        import wandb

        super().__init__(
            name=name or default_name,
            save_dir=save_dir,
            project=project,
            id=resumed_id,
            entity=entity,
            group=group or default_group,
            job_type=job_type,
            tags=list(tags) if tags is not None else None,
            notes=notes,
            # Not `offline=True`: Lightning would write that into the environment, for every later run.
            mode=chosen,
            # W&B's own record of the run holds the whole command line and paths of the home folder: what of
            # it a reader needs is under "What was run" in the report
            settings=wandb.Settings(
                init_timeout=init_timeout, finish_timeout=finish_timeout, x_disable_meta=True
            ),
            **(init or {}),
        )
        self._wandb_init.pop("anonymous")  # W&B warns of it, whatever its value
        self._uploads_model, self._logs_report, self._table_rows = log_model, log_report, table_rows
        if notice:
            tell(notice)

    def open(self) -> None:
        """Start the run; offline, with a notice, where the server does not let it start online."""
        from wandb.errors import CommError, UsageError

        try:
            _ = self.experiment
        except (CommError, UsageError) as error:
            if self._wandb_init["mode"] != "online":
                raise
            reason = str(error).split("\n", 1)[0]
            tell(f"W&B did not start the run ({reason}): it stays on disk, `wandb sync` sends it")
            self._wandb_init["mode"] = "offline"
            _ = self.experiment

    @rank_zero_only
    def log_run(self, folder: RunFolder, outcome: Outcome, metrics: Mapping[str, float], step: int) -> None:
        """Log what a finished run left: its figures as the summary, report.html in parts, best.ckpt."""
        # Validation figures have a curve by epoch, which those of the best epoch would bend at its end.
        self.log_metrics(
            {name: value for name, value in metrics.items() if not name.startswith("val/")}, step
        )
        self.experiment.summary.update(dict(metrics))
        # W&B keeps the files of tables and artifacts in the run folder, not in the user's home
        before = os.environ.get("WANDB_DATA_DIR")
        os.environ["WANDB_DATA_DIR"] = before or str(Path(str(self.save_dir)) / "wandb")
        try:
            if self._logs_report:
                self._log_report(folder, outcome)
            if self._uploads_model and folder.best_checkpoint.exists():
                self._log_checkpoint(folder, metrics)
        finally:
            if before is None:
                del os.environ["WANDB_DATA_DIR"]

    def _log_report(self, folder: RunFolder, outcome: Outcome) -> None:
        import pandas as pd
        import wandb

        from seqlab.report.panels import figures, result_rows

        columns, rows = result_rows(outcome)
        media: dict[str, Any] = {"report/result_table": wandb.Table(columns=columns, data=rows)}
        media |= native_panels(outcome)
        with figures(outcome, heat_only=True) as heat_maps:
            media |= {f"panels/{title}": wandb.Image(figure) for title, figure in heat_maps.items()}
        if folder.scores.exists():
            scores = pd.read_csv(folder.scores, nrows=self._table_rows)
            media["report/scores"] = wandb.Table(dataframe=scores)
        if folder.report.exists():
            html = folder.report.read_text(encoding="utf-8")
            for title, page in standalone_sections(html).items():
                media[f"report/{title}"] = wandb.Html(page, inject=False, data_is_not_path=True)
            media["report/page"] = wandb.Html(html, inject=False, data_is_not_path=True)
        self.experiment.log(media)

    def _log_checkpoint(self, folder: RunFolder, metrics: Mapping[str, float]) -> None:
        import wandb

        name = re.sub(r"[^\w.-]", "-", f"{folder.model_name}-{folder.data_name}", flags=re.ASCII)
        of_validation = {name: value for name, value in metrics.items() if name.startswith("val/")}
        artifact = wandb.Artifact(name, type="model", metadata=of_validation)
        # The file stays where it is, and is uploaded from there: the run folder holds one copy of it.
        artifact.add_file(str(folder.best_checkpoint), policy="immutable", skip_cache=True)
        self.experiment.log_artifact(artifact, aliases=["best", self.experiment.id])

    @rank_zero_only
    def finish(self, status: str) -> None:
        """End the run, so that the next one of this process starts its own."""
        if self._experiment is not None:
            self._id = self._experiment.id
            self._experiment.finish(exit_code=0 if status == "success" else 1)
            self._experiment = None


def native_panels(outcome: Outcome) -> dict[str, Any]:
    """Charts that W&B draws itself, and over several runs at once: curves and confusion matrices."""
    import wandb

    from seqlab.report.panels import thinned

    panels: dict[str, Any] = {}
    for title, lines in outcome.line_panels().items():
        shown = thinned(lines)
        panels[f"panels/{title}"] = wandb.plot.line_series(
            xs=[x.tolist() for x, _ in shown.values()],
            ys=[y.tolist() for _, y in shown.values()],
            keys=list(shown),
            title=f"{title}: {lines.y_title}",
            xname=lines.x_title,
        )
    for title, matrix in outcome.count_panels().items():
        names, counts = list(matrix.names), matrix.counts.tolist()
        cells = [
            [gold, predicted, count]
            for gold, row in zip(names, counts, strict=True)
            for predicted, count in zip(names, row, strict=True)
        ]
        columns = ("Actual", "Predicted", "nPredictions")  # what W&B's preset reads
        panels[f"panels/{title}"] = wandb.plot_table(
            vega_spec_name="wandb/confusion_matrix/v1",
            data_table=wandb.Table(columns=[*columns], data=cells),
            fields=dict(zip(columns, columns, strict=True)),
            string_fields={"title": title},
        )
    return panels


def choose_mode(mode: str | None) -> tuple[str, str]:
    """The mode to run in, and one line that says why it is not online, empty where it was asked for.

    Args:
        mode: ``logger.wandb.mode``: online, offline, disabled, or null for WANDB_MODE, else what ``wandb
            offline`` wrote, else online where there is a key.

    Raises:
        UserError: no such mode.
    """
    where = "WANDB_MODE" if mode is None else "logger.wandb.mode"
    asked = mode or os.environ.get("WANDB_MODE") or None
    if asked not in (*MODES, None):
        raise UserError(f"{where}={asked}: choose {', '.join(MODES)}; null is online where a key is there")
    import wandb

    asked = asked or wandb.setup().settings.mode
    if asked in ("offline", "disabled"):
        return asked, ""
    if not wandb.login(prompt=False, verify=False):
        notice = "W&B has no API key here (wandb login): this run stays on disk, `wandb sync` sends it"
        return "offline", notice
    return "online", ""


def standalone_sections(page: str) -> dict[str, str]:
    """The sections of a page as pages of their own, by title, for trackers that show HTML.

    Args:
        page: what ``render_page`` gave. Nothing is found in a page of another make.
    """
    head = _HEAD.search(page)
    found: dict[str, str] = {}
    for section in _SECTION.findall(page) if head else []:
        heading = _HEADING.search(section)
        if head and heading:
            body = f"<body>\n<main>\n{section}\n</main>\n</body>\n</html>\n"
            found[Markup(heading[1]).striptags()] = f"{head[0]}\n{body}"
    return found
