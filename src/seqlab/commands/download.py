"""``seqlab download NAME...``: public data sets into a cache, with licence, citation and how to use them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqlab.downloads.placing import Fetched
    from seqlab.downloads.registry import PublicData
    from seqlab.downloads.transfer import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets; without one, all are listed")
    parser.add_argument(
        "--list", action="store_true", help="what there is, how large, and what is here already"
    )
    parser.add_argument(
        "--to", type=Path, metavar="DIR", help="instead of the cache, which the variable SEQLAB_DATA names"
    )
    parser.add_argument(
        "--mirror",
        metavar="URL",
        help="fetch URL/NAME/FILE, such as of another cache behind a web server, not the published address",
    )
    parser.add_argument(
        "--renew",
        action="store_true",
        help="fetch again, and trust anew, a file for which no sum is published",
    )


def run(arguments: argparse.Namespace) -> int:
    from seqlab.downloads.fetching import cache_folder, checked_mirror, fetch
    from seqlab.downloads.registry import chosen, read_registry

    registry = read_registry()
    sets = chosen(arguments.names, registry)
    mirror = checked_mirror(arguments.mirror)
    root = cache_folder(arguments.to)
    if arguments.list or not sets:
        _print_list(sets or list(registry.values()), root)
        return 0
    for index, data in enumerate(sets):
        if index:
            print()
        print(f"{data.name}: {data.title}")
        with _progress() as progress:
            files = fetch(data, root, mirror, arguments.renew, progress)
        _print_set(data, root / data.name, files)
    return 0


def _print_list(sets: list[PublicData], root: Path) -> None:
    from seqlab.downloads.fetching import is_here

    width = max(len(data.name) for data in sets)
    for data in sets:
        here = is_here(data, root)
        print(f"{data.name:{width}}  {_size(data.num_bytes):>8}  {'here' if here else '    '}  {data.title}")
    print(f"cache: {root}")


def _print_set(data: PublicData, folder: Path, files: list[Fetched]) -> None:
    new = [file for file in files if file.downloaded]
    notes = [note for file in files for note in file.notes]
    was_here = "was here in part" if notes else "was here already"
    told = f"{len(new)} of {len(files)} files downloaded" if new else was_here
    print(f"  folder    {folder} ({told}, {_size(sum(file.num_bytes for file in files))})")
    for note in notes:
        print(f"  note      {note}")
    for file in files:
        if file.sum_from == "first":
            print(f"  sha256    {file.sha256}  {file.path.name}")
            print("            No sum of this file is published: nothing vouches for it. This download is")
            print("            trusted and its sum kept; a later one must equal it, unless --renew is given.")
        elif file.sum_from == "record":
            print(f"  sha256    {file.sha256}  {file.path.name}")
            print(f"            equals the download of {file.since}, which was trusted; none is published")
    if all(file.sum_from == "registry" for file in files):
        print(f"  sums      equal what is known: {data.checked}")
    print(f"  licence   {data.licence}")
    for citation in data.citation:
        print(f"  cite      {citation}")
    for command in data.commands(folder):
        print(f"  use       {command}")


def _size(num_bytes: int | None) -> str:
    if num_bytes is None:
        return "unknown"
    for unit, bytes_of_one in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= bytes_of_one:
            return f"{num_bytes / bytes_of_one:.1f} {unit}"
    return f"{num_bytes} B"


@contextmanager
def _progress() -> Iterator[Callable[[str], Progress] | None]:
    """A bar per file on a terminal; none elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns: tuple[Any, ...] = (
        TextColumn("  {task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:

        def listener(name: str) -> Callable[[int, int | None], None]:
            task = bars.add_task(name, total=None, start=True, visible=False)
            return lambda done, total: bars.update(task, completed=done, total=total, visible=True)

        yield listener
