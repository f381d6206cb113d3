"""``seqlab download NAME...``: public data sets into a cache, with license, citation and how to use them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqlab.downloads.fetching import Fetched
    from seqlab.downloads.registry import PublicData


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets; without one, all are listed")
    parser.add_argument(
        "--list", action="store_true", help="what there is, how large, and what is here already"
    )
    parser.add_argument(
        "--to", type=Path, metavar="DIR", help="instead of the cache, which the variable SEQLAB_DATA names"
    )
    parser.add_argument(
        "--mirror", metavar="URL", help="fetch URL/NAME/FILE, such as of another cache behind a web server"
    )


def run(arguments: argparse.Namespace) -> int:
    from seqlab.downloads.fetching import cache_folder, fetch
    from seqlab.downloads.registry import chosen, read_registry

    registry = read_registry()
    sets = chosen(arguments.names, registry)
    root = cache_folder(arguments.to)
    if arguments.list or not sets:
        _print_list(sets or list(registry.values()), root)
        return 0
    for index, data in enumerate(sets):
        if index:
            print()
        print(f"{data.name}: {data.title}", flush=True)
        files = fetch(data, root, arguments.mirror)
        _print_set(data, root / data.name, files)
    return 0


def _print_list(sets: list[PublicData], root: Path) -> None:
    from seqlab.downloads.fetching import is_here

    width = max(len(data.name) for data in sets)
    for data in sets:
        here = "here" if is_here(data, root) else "    "
        print(f"{data.name:{width}}  {_size(data.num_bytes):>8}  {here}  {data.title}")
    print(f"cache: {root}")


def _print_set(data: PublicData, folder: Path, files: list[Fetched]) -> None:
    new = sum(file.downloaded for file in files)
    told = f"{new} of {len(files)} files downloaded" if new else "was here already"
    print(f"  folder    {folder} ({told}, {_size(sum(file.num_bytes for file in files))})")
    for file in files:
        if not file.is_known:
            print(f"  sha256    {file.sha256}  {file.path.name}")
            print("            No sum of this file is published: nothing vouches for it.")
    if all(file.is_known for file in files):
        print(f"  sums      equal what is known: {data.checked}")
    print(f"  license   {data.license}")
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
