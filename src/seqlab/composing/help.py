"""``python train.py --help``: examples, groups, what each offers. Imports nothing else."""

from __future__ import annotations

from pathlib import Path


def first_comment(path: Path) -> str:
    """The first comment of a config file that describes it: what the group member offers."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# ") and not line.startswith("# @package"):
            return line[2:].strip()
    return ""


def help_text(*folders: Path) -> str:
    """Examples, groups and what each offers: read off the config folders, nothing imported."""
    groups: dict[str, list[Path]] = {}
    for path in sorted({path for folder in folders for path in folder.glob("*/*.yaml")}):
        groups.setdefault(path.parent.name, []).append(path)
    lines: list[str] = []
    for group, members in sorted(groups.items()):
        lines += ["", f"{group}="]
        width = max(len(member.stem) for member in members) + 2
        for member in members:
            lines.append(f"  {member.stem:<{width}}{first_comment(member)}".rstrip())
    text = Path(__file__).with_name("help.txt").read_text(encoding="utf-8")
    return text.rstrip("\n").replace("GROUPS", "\n".join(lines[1:]))
