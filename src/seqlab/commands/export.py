"""``seqlab export CHECKPOINT --format onnx``: the network as a file for other programs, with its settings."""

from __future__ import annotations

import argparse
from pathlib import Path

from seqlab.commands.checkpoint_argument import add_checkpoint

FORMATS = ("onnx", "torch")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, "checkpoints/best.ckpt of a run folder")
    parser.add_argument(
        "--format", choices=FORMATS, default=FORMATS[0], help="onnx, or torch for a torch.export program"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="the folder to write; CHECKPOINT_FORMAT beside it without one",
    )


def run(arguments: argparse.Namespace) -> int:
    from seqlab.errors import UserError
    from seqlab.exporting.export import export
    from seqlab.training.checkpoints import load_task

    checkpoint, kind = arguments.checkpoint, arguments.format
    folder = arguments.output or checkpoint.with_name(f"{checkpoint.stem}_{kind}")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: give --output the name of a folder")
    task, contents = load_task(checkpoint, arguments.trust)
    written = export(task, contents, kind, folder)
    shapes = ", ".join(f"{batch} x {length}" for batch, length in written.shapes)
    for network in written.networks:
        print(f"network   {network} ({network.stat().st_size:,} bytes)")
    print(f"settings  {written.settings}")
    print(f"check     largest difference from torch {written.largest_difference:.2g}")
    print(f"          over {written.num_values:,} outputs, batch x length {shapes}")
    if task.evaluation.fits_thresholds and not contents.judge:
        print("note      the checkpoint holds no thresholds: its run ended before they were fitted")
    return 0
