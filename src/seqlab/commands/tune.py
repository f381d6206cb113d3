"""``seqlab tune OVERRIDES``: a learning rate and a batch size to begin with, from short trainings."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqlab.commands.json_output import add_json, others_aside, print_json

if TYPE_CHECKING:
    from omegaconf import DictConfig


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", help="as for train.py: model=gru_ae data.normal=normal.txt")
    parser.add_argument("--config-dir", type=Path, help="a folder of further configs, as for train.py")
    parser.add_argument("--lr", action="store_true", help="find the learning rate; both without either")
    parser.add_argument("--batch-size", action="store_true", help="find the batch size; both without either")
    parser.add_argument("--steps", type=int, default=100, help="steps of the rate test; default 100")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each batch size; default 2")
    parser.add_argument("--output", type=Path, help="folder of tune.html; default runs/tune/<model>-<data>/")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from seqlab.composing import search_override
    from seqlab.composing.mistakes import user_message
    from seqlab.errors import UserError
    from seqlab.project import project_folder

    conf = project_folder() / "conf"
    search = [] if arguments.config_dir is None else [search_override(arguments.config_dir)]
    arguments.composed = [*search, *arguments.overrides]
    try:
        with others_aside(arguments.json):
            found = tune(arguments, conf)
    except Exception as error:
        message = user_message(error, conf, arguments.composed)
        if message is None:
            raise
        raise UserError(message) from None
    if arguments.json:
        print_json(found)
    return 0


def composed(conf: Path, overrides: Sequence[str]) -> DictConfig:
    """The config that train.py would get, its Hydra part set as for a run."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    from seqlab.composing import compose_config
    from seqlab.composing.grammar import readable_overrides

    whole = compose_config(conf, readable_overrides(overrides), hydra=True)
    HydraConfig.instance().set_config(whole)
    return OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"])


def tune(arguments: argparse.Namespace, conf: Path) -> dict[str, Any]:
    """Batch size first: the learning rate depends on it. Gives what was found, for ``--json``."""
    import torch
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf
    from pytorch_lightning import seed_everything

    from seqlab.privacy import hidden_words, told
    from seqlab.report.page import Section, render_page, write_page
    from seqlab.report.tables import config_block, paragraph
    from seqlab.training import build, trainer, tuning
    from seqlab.trust import import_from_here, outside_packages

    config = composed(conf, arguments.composed)
    import_from_here(outside_packages(OmegaConf.to_container(config)))
    build.check_monitor(config)
    build.check_pair(config)
    trainer.check_hardware(config.trainer)
    trainer.use_threads(config.trainer)
    seed_everything(config.seed, workers=True, verbose=False)
    choices = HydraConfig.get().runtime.choices
    title = f"{choices['model']}-{choices['data']}"
    folder = arguments.output or Path("runs/tune") / title / f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
    datamodule: Any = build.build_data(config.data)
    datamodule.setup()
    with torch.random.fork_rng(devices=[]):
        build.try_network(build.build_task(config, datamodule.sizes), datamodule)
    folder.mkdir(parents=True, exist_ok=True)

    both = arguments.lr == arguments.batch_size
    found, sections = dict[str, str](), list[Section]()
    if arguments.batch_size or both:
        short = composed(conf, [*arguments.composed, *tuning.short_training()])
        print(f"batch size  steps an epoch  {datamodule.train_unit} per second")
        rows = []
        for row in tuning.time_batch_sizes(short, datamodule, arguments.seconds, folder):
            rows.append(row)
            print(f"{row.size:10}  {row.steps_per_epoch:14,}  {row.units_per_second:16,.0f}")
        size, name = tuning.suggested_size(rows), tuning.size_name(datamodule)
        setattr(datamodule, name, size)
        found[f"data.{name}"] = str(size)
        sections.append(tuning.size_section(rows, datamodule.train_unit, size))
    if arguments.lr or both:
        ramp = composed(conf, [*arguments.composed, *tuning.rate_overrides(arguments.steps)])
        test = tuning.run_rate_test(ramp, datamodule, arguments.steps, folder)
        found["optimizer.lr"] = f"{test.suggestion:.2g}"
        print(f"learning rate {found['optimizer.lr']}: the smoothed loss is lowest at ten times that")
        sections.append(test.section())
    command = train_command_line(hidden_words(arguments.overrides), found, arguments.config_dir)
    page = folder / "tune.html"
    first = Section("Go on with", paragraph(told(command)))
    last = Section(
        "What was run", config_block(OmegaConf.to_yaml(told(OmegaConf.to_container(config, resolve=True))))
    )
    subtitle = "short trainings on the training split; validation and test were not read"
    write_page(page, render_page(f"Tuning {title}", subtitle, [], [first, *sections, last]))
    print(f"go on with: {command}\nreport: {page}")
    return {"settings": found, "command": command, "report": page}


def train_command_line(
    overrides: Sequence[str], found: Mapping[str, str], config_dir: Path | None = None
) -> str:
    """The command that trains under the overrides, with what was found in place of what they say of it."""
    from seqlab.project import train_words

    kept = [part for part in overrides if part.lstrip("+").split("=", 1)[0] not in found]
    folder = [] if config_dir is None else ["--config-dir", os.path.relpath(config_dir)]
    settings = [f"{key}={value}" for key, value in found.items()]
    return shlex.join([*train_words(), *folder, *kept, *settings])
