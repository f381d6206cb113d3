"""The run folder: what each file is called, and how it is written."""

from __future__ import annotations

import json
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.utilities import rank_zero_only

from seqlab import progress
from seqlab.errors import escaped
from seqlab.evaluation.base import Contents
from seqlab.files import whole_file
from seqlab.privacy import told
from seqlab.results.intervals import is_interval
from seqlab.results.outcome import Curves, Outcome, plain_figures
from seqlab.training.checkpoints import add_to_checkpoint, forget_previous
from seqlab.training.run_record import config_record, environment
from seqlab.trust import coder_configs, outside_packages, trust_options

if TYPE_CHECKING:
    from seqlab.report.page import Section

log = logging.getLogger(__name__)
METRICS, EARLIER_METRICS = "metrics.json", "earlier-metrics.json"


def path_of_run() -> Path:
    """The folder that Hydra made for the run."""
    return Path(HydraConfig.get().runtime.output_dir)


def is_writer() -> bool:
    """Whether this process writes the run folder and speaks: rank 0, or the only one.

    Known before the group is set up: from the environment that Lightning, torchrun or SLURM gives.
    """
    return rank_zero_only.rank == 0  # type: ignore[attr-defined]


def tell(notice: str) -> None:
    """Say something on the terminal and in train.log, in the process that writes."""
    if is_writer():
        progress.clear()
        print(f"note: {escaped(notice)}")
        log.info("%s", escaped(notice))


def _silence() -> None:
    """Remove the log file that Hydra opened for a process that does not write."""
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each, logging.FileHandler)]:
        root.removeHandler(handler)
        handler.close()
        Path(handler.baseFilename).unlink(missing_ok=True)


@dataclass
class RunFolder:
    """``runs/<model>-<data>/<date_time>/``, or what ``hydra.run.dir`` says."""

    path: Path
    model_name: str
    data_name: str
    notices: list[str] = field(default_factory=list)
    trust: list[str] = field(default_factory=list)  # packages outside seqlab that its checkpoints name
    audit: list[tuple[str, str]] = field(default_factory=list)  # how far test data is apart from training's
    learned_from: str = ""  # what training read, in words
    verbose: bool = False  # whether the terminal shows the whole table
    safe_csv: bool = False  # see seqlab.results.outcome.without_formulas

    @classmethod
    def create(
        cls, config: DictConfig, contents: Contents, notices: Sequence[str] = (), learned_from: str = ""
    ) -> RunFolder:
        """Hydra's run folder, with environment.json and config.json in it; says what starts.

        Args:
            contents: what its checkpoints hold.
            notices: of the data, and of a debugging run.
            learned_from: what training reads, in words.
        """
        choices = HydraConfig.get().runtime.choices
        to_tell = [*config.cautions, *notices]
        trust = outside_packages(contents.model, contents.evaluation, coder_configs(contents.data))
        folder = cls(path_of_run(), choices["model"], choices["data"], to_tell, trust)
        folder.learned_from = learned_from
        folder.verbose, folder.safe_csv = config.verbose, config.safe_csv
        if not is_writer():
            _silence()
            return folder
        now = environment(config)
        if (folder.path / "environment.json").exists():  # of a run that goes on
            before = folder.read_environment()
            now["resumed"] = [*before.pop("resumed", []), before]
        folder.write_json("environment.json", now)
        folder.write_json("config.json", config_record(config))
        progress.clear()
        print(f"model={folder.model_name} data={folder.data_name} seed={config.seed}")
        for notice in to_tell:
            tell(notice)
        progress.show("preparing training")
        return folder

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def best_checkpoint(self) -> Path:
        return self.checkpoints / "best.ckpt"

    @property
    def scores(self) -> Path:
        return self.path / "scores.csv"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file whole or not at all."""
        with whole_file(self.path / name) as part:
            part.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")

    def read_environment(self) -> dict[str, Any]:
        return json.loads((self.path / "environment.json").read_text(encoding="utf-8"))

    def add_to_checkpoints(self, name: str, value: Any) -> None:
        """Add a plain value to best.ckpt and last.ckpt."""
        for checkpoint in sorted(self.checkpoints.glob("*.ckpt")):
            add_to_checkpoint(checkpoint, name, value)

    def save_scores(
        self, metrics: dict[str, float], outcome: Outcome, audit: Sequence[tuple[str, str]] = ()
    ) -> None:
        """Write scores.csv; train.log gets warnings and figures.

        Args:
            audit: what the leak audit found, for the terminal and the report.
        """
        self.audit = list(audit)
        shown = [f"test/{name}" for name in outcome.table_once.figures]
        more = {"signatures": outcome.signatures(), "figures": [name for name in shown if name in metrics]}
        if known := {name: found for name, found in more.items() if found}:
            self.write_json("environment.json", self.read_environment() | known)
        with whole_file(self.scores) as part:
            outcome.write_scores(part, safe=self.safe_csv)
        for warning in outcome.table_once.warnings:
            log.info("warning: %s", escaped(warning))
        for name, value in metrics.items():
            if not is_interval(name):
                log.info("%s %.6g", escaped(name), value)

    def finish(self, metrics: dict[str, float]) -> None:
        """Write metrics.json, the last file of a run: where it is all others are, and nothing is trained
        again."""
        forget_previous(self.checkpoints)
        self.write_json(METRICS, plain_figures(metrics))
        (self.path / EARLIER_METRICS).unlink(missing_ok=True)

    def show(self, outcome: Outcome, metrics: dict[str, float]) -> None:
        """Print what a newcomer reads first; with ``verbose=true`` the whole table before."""
        from seqlab.training.terminal import MOST_WARNINGS, first_screen

        progress.clear()
        if self.verbose:
            from seqlab.training.whole_table import print_results

            print_results(outcome.table_once, metrics, self.audit)
        if self.trust and self.best_checkpoint.exists():
            options = trust_options(self.trust)
            print(f"note: opening its checkpoints needs {options}: they name code outside seqlab")
        most = sys.maxsize if self.verbose else MOST_WARNINGS
        print(first_screen(outcome, metrics, self.learned_from, self._ways_on(outcome), most))

    def _ways_on(self, outcome: Outcome) -> list[tuple[str, str]]:
        """Where the report lies, and what to type next."""
        ways = [("report", f"{_short(self.report)} (open it in a browser)")] if self.report.exists() else []
        return [*ways, *(("next", step) for step in self.next_steps(outcome))]

    def next_steps(self, outcome: Outcome) -> list[str]:
        """Commands to go on with, as they are typed here."""
        steps = outcome.next_steps(shlex.quote(_short(self.best_checkpoint)))
        if not steps or not self.best_checkpoint.exists():
            return [f"seqlab compare {shlex.quote(_short(self.path))} ANOTHER_RUN"]
        return [f"seqlab {step} {trust_options(self.trust)}".rstrip() for step in steps]

    def write_report(
        self,
        config: DictConfig,
        outcome: Outcome,
        metrics: dict[str, float],
        curves: Curves,
        sections: Sequence[Section],
        facts: Sequence[tuple[str, str]],
        task: torch.nn.Module,
    ) -> None:
        """Write report.html; none where nothing was tested.

        Args:
            curves: figures over epochs and steps.
            sections: what the evaluation shows.
            facts: of the data.
        """
        table = outcome.table_once
        if not table.model_rows:
            return
        from seqlab.report.run_page import write_run_page

        progress.show("writing the report")
        write_run_page(
            self.report,
            table,
            title=": ".join(filter(None, (config.name, f"{self.model_name} on {self.data_name}"))),
            seed=config.seed,
            about=told("; ".join(filter(None, (config.notes, " ".join(f"#{tag}" for tag in config.tags))))),
            metrics=metrics,
            curves=curves,
            sections=sections,
            facts=told(facts),
            environment=self.read_environment(),
            config_yaml=OmegaConf.to_yaml(told(OmegaConf.to_container(config, resolve=True))),
            notices=told(self.notices),
            next_steps=told(self.next_steps(outcome)),
            audit=self.audit,
            layers=_layers(task),
        )


def _layers(task: torch.nn.Module) -> list[tuple[str, str, int]]:
    """Name, class and number of parameters of each module that has some of its own."""
    counts = [
        (name, type(module).__name__, sum(each.numel() for each in module.parameters(recurse=False)))
        for name, module in task.named_modules()
    ]
    return [layer for layer in counts if layer[-1]]


def _short(path: Path) -> str:
    """Relative to here where that is shorter to type."""
    relative = os.path.relpath(path)
    return relative if len(relative) < len(str(path)) else str(path)
