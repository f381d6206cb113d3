"""Random stories of a log: written, rotated in one of three ways, looked at, left and gone on with.

Each line is read exactly once, and nothing is said to be lost.
"""

import os
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from seqlab.watching import old_files
from seqlab.watching.parts import LogPart
from seqlab.watching.tail import FileSource


class Story:
    """A log, its writers and what was read of it."""

    def __init__(self, log: Path, rng: random.Random, *, parts: bool) -> None:
        self.log, self.rng, self.parts = log, rng, parts
        self.written = self.time = 0
        self.read_lines: list[bytes] = []
        self.lost: list[str] = []
        self.writer = self.late = log.open("ab", buffering=0)
        self.write()
        self.source: FileSource = LogPart(str(log)) if parts else FileSource(str(log), follow=True)
        self.read()

    def tick(self, path: Path | int) -> None:
        """Times of files as on a clock that never shows the same twice."""
        self.time += 1000
        os.utime(path, ns=(self.time, self.time))

    def line(self, number: int) -> bytes:
        return b"line %06d, which is as long as lines usually are, so that few make a file known" % number

    def write(self) -> None:
        self._write_to(self.writer.fileno())

    def write_late(self) -> None:
        self._write_to(self.late.fileno())

    def _write_to(self, descriptor: int) -> None:
        count = self.rng.choice([1, 3, 30])
        numbers = range(self.written, self.written + count)
        os.write(descriptor, b"".join(self.line(number) + b"\n" for number in numbers))
        self.tick(descriptor)
        self.written += count

    def _make_room(self) -> Path:
        for number in range(40, 0, -1):
            older = self.log.with_name(f"{self.log.name}.{number}")
            if older.exists():
                older.rename(self.log.with_name(f"{self.log.name}.{number + 1}"))
        return self.log.with_name(f"{self.log.name}.1")

    def rename(self) -> None:
        self.log.rename(self._make_room())
        if self.late is not self.writer:
            self.late.close()
        self.late, self.writer = self.writer, self.log.open("ab", buffering=0)
        self.tick(self.log)
        if not self.parts:
            self.read()  # late lines are looked for in files that the watch has seen

    def copytruncate(self) -> None:
        copy = self._make_room()
        shutil.copy2(self.log, copy)
        if self.rng.random() < 0.5:
            self.tick(copy)
        os.truncate(self.log, 0)
        self.tick(self.log)

    def replace(self) -> None:
        copy = self.log.with_name("copy")
        shutil.copy2(self.log, copy)
        copy.replace(self.log)
        self.writer.close()
        self.writer = self.log.open("ab", buffering=0)

    def read(self) -> None:
        if self.parts:
            self.restart()
        idle = 0
        while idle < 2 and not self.source.ended:
            piece = self.source.read(0)
            idle = idle + 1 if piece is None else 0
            self.read_lines += [] if piece is None else piece.content.splitlines()
        self.lost += [what for kind, what in self.source.news() if kind == "lost"]

    def restart(self) -> None:
        state = self.source.state()
        self.source.close()
        if self.parts:
            self.source = LogPart(str(self.log), state=state)
        else:
            self.source = FileSource(str(self.log), follow=True, state=state)


STORIES = {
    "renamed": ("write", "write", "read", "rename", "write_late", "restart"),
    "copied and truncated": ("write", "write", "read", "copytruncate", "restart"),
    "replaced": ("write", "write", "read", "replace", "restart"),
}


@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize("kind", STORIES)
@pytest.mark.parametrize("seed", range(10))
def test_every_line_is_read_once(
    seed: int, kind: str, parts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_files, "END_SECONDS", 0.0)
    story = Story(tmp_path / "app.log", random.Random(seed), parts=parts)
    told = ["write"]
    for _ in range(40):
        told.append(story.rng.choice([name for name in STORIES[kind] if not parts or name != "restart"]))
        getattr(story, told[-1])()
    story.write()
    story.read()
    story.source.close()
    expected = Counter(story.line(number) for number in range(story.written))
    assert Counter(story.read_lines) == expected, told
    assert story.lost == [], told
