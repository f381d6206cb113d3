"""The end of ``python train.py -m``: the jobs' runs in one table, and how to see it again."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


def print_summary(folder: Path) -> None:
    """Mean and spread over seeds of what the jobs measured, those that failed, the command that compares.

    Args:
        folder: of the multirun.
    """
    from seqlab.comparing.comparison import compare_runs
    from seqlab.comparing.runs import find_run_folders, names_of, read_runs
    from seqlab.comparing.states import state_of
    from seqlab.comparing.table import print_tables
    from seqlab.errors import UserError, escaped

    try:
        jobs = find_run_folders([folder])
    except UserError:  # none came to begin
        return
    finished = [job for job in jobs if (job / "metrics.json").exists()]
    if finished:
        runs, notices = read_runs(finished)
        print()
        print_tables(compare_runs(runs, [], notices))
    print(f"\njobs: {len(finished)} of {len(jobs)} finished")
    for job, name in zip(jobs, names_of(jobs), strict=True):
        if job not in finished:
            print(escaped(f"  {name}: {': '.join(part for part in state_of(job) if part)}"))
    if finished:
        print(f"next: seqlab compare {shlex.quote(os.path.relpath(folder))} --html")
