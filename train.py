"""Train and judge one sequence model: ``python train.py model=gru_ae trainer.gpus=1``; see ``--help``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from seqlab.commands.train import train_command

if TYPE_CHECKING:
    from omegaconf import DictConfig


def train(config: DictConfig) -> float | None:
    """One run: seed, data, task, callbacks, loggers, trainer, fit, judge the best checkpoint, report."""
    from pytorch_lightning import seed_everything

    from seqlab.evaluation.audit import LeakAudit
    from seqlab.results.intervals import interval_figures
    from seqlab.training import build, callbacks, checkpoints, resume, run_folder, tracking, trainer

    build.check_seed(config.seed)
    build.check_words(config)
    trainer.check_hardware(config.trainer)
    trainer.use_threads(config.trainer)
    build.check_monitor(config)
    build.check_pair(config)
    build.check_optimizer(config.optimizer)
    resume.check_folder(run_folder.path_of_run(), config)
    resume.record_config(run_folder.path_of_run(), config)
    seed_everything(config.seed, workers=True, verbose=False)
    evaluation = build.build_evaluation(config)

    datamodule = build.build_data(config.data)
    datamodule.setup()
    evaluation.check(datamodule)
    task = build.build_task(config, datamodule.sizes)
    build.try_network(task, datamodule)
    contents = checkpoints.contents_of(config, datamodule)
    notices = [*trainer.debug_notices(config.trainer), *datamodule.notices]
    folder = run_folder.RunFolder.create(config, contents, notices, datamodule.learned_from())
    start = resume.find_start(config, folder)
    around = callbacks.build_callbacks(config, folder.checkpoints, contents)
    with tracking.open_loggers(config, folder, start.tracker_ids) as loggers:
        fitter = trainer.build_trainer(config.trainer, around.all, loggers, folder.path)
        resume.fit(fitter, task, datamodule, start)
        if not trainer.leave_group():
            return None  # of several processes one judges and writes
        checkpoints.load_weights(task, folder.best_checkpoint)
        task.to(datamodule.device)  # Lightning takes it off the device when training ends

        with around.stopwatch.judging():
            judge, val_figures = evaluation.fit(task, datamodule)
            folder.add_to_checkpoints("judge", judge.state())
            audit = LeakAudit(datamodule, judge)
            if config.test:
                datamodule.open_test()
            with around.stopwatch.testing():
                outcome = evaluation.test(task, datamodule, judge)
            metrics = val_figures | outcome.metrics | interval_figures(outcome) | audit.figures(outcome)

        metrics |= around.stopwatch.metrics(datamodule.train_unit)
        folder.save_scores(metrics, outcome, audit.lines)
        datamodule.write_files(folder.path)
        sections = evaluation.sections(task, datamodule, outcome, around.history.series)
        facts = datamodule.facts()
        folder.write_report(config, outcome, metrics, around.history.series, sections, facts, task)
        folder.finish(metrics)
        tracking.log_results(loggers, folder, outcome, metrics, fitter.global_step)
        folder.show(outcome, metrics)  # before what a tracker says when it closes
    return metrics[config.monitor.metric]


if __name__ == "__main__":
    sys.exit(train_command(train, sys.argv[1:]))
