"""``seqlab sweep sweep.yaml``: the search space of `wandb sweep`, run here or on Ray, without an account."""

from __future__ import annotations

import argparse
from pathlib import Path

from seqlab.commands.json_output import add_json, others_aside, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a sweep in W&B's format, such as sweep.yaml")
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="overrides of every trial",
    )
    parser.add_argument("--config-dir", type=Path, help="a folder of further configs, as for train.py")
    parser.add_argument(
        "--trials", type=int, help="trials in all, those of earlier calls included; 20, or the grid"
    )
    parser.add_argument(
        "--jobs", type=int, default=1, help="trials at a time, each with its share of the CPU or its GPU"
    )
    parser.add_argument("--seeds", type=int, default=1, help="runs per trial, judged by their mean")
    parser.add_argument(
        "--output", "--resume", type=Path, help="the sweep's folder; goes on with what is there"
    )
    parser.add_argument(
        "--storage", help="an URL that machines share: postgresql://...; study.db in the folder without it"
    )
    parser.add_argument("--study", help="name of the study in --storage; the sweep file's name without it")
    parser.add_argument("--seed", type=int, default=0, help="of the search itself")
    parser.add_argument("--engine", choices=("optuna", "ray"), default="optuna")
    parser.add_argument(
        "--address", help="with --engine ray: of the cluster; a Ray on this machine without it"
    )
    parser.add_argument("--full", action="store_true", help="test figures and a report for every trial")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from seqlab.sweeps.run import run_sweep

    with others_aside(arguments.json):
        code, found = run_sweep(arguments)
    if arguments.json:
        print_json(found)
    return code
