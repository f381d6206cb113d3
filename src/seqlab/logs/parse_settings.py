"""What a parse is asked for, and whether one that goes on is asked for the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqlab.errors import UserError
from seqlab.logs.formats import LogFormat
from seqlab.logs.reading import CHUNK_BYTES, STDIN, Source
from seqlab.logs.windows import TimeWindows


@dataclass(frozen=True)
class ParseSettings:
    """What a parse is asked for."""

    logs: tuple[str, ...]
    output: Path
    log_format: LogFormat
    windows: TimeWindows | None = None
    labels: Path | None = None
    templates: Path | None = None
    chunk_bytes: int = CHUNK_BYTES
    parameters: bool = False  # keep what the variable parts of each line were

    def __post_init__(self) -> None:
        if self.log_format.session is None and self.windows is None:
            raise UserError(
                f"--format {self.log_format.name} names no session: give --session REGEX, or --window SECONDS"
            )

    def state(self) -> dict[str, Any]:
        """Plain values: what must be the same when a parse goes on."""
        return {
            "logs": list(self.logs),
            "log_format": self.log_format.state(),
            "window": None
            if self.windows is None
            else {"seconds": self.windows.seconds, "step": self.windows.step},
            "labels": None if self.labels is None else str(self.labels),
            "templates": None if self.templates is None else str(self.templates),
            "parameters": self.parameters,
        }


def identity(source: Source) -> dict[str, Any]:
    """What tells whether a log is the same when a parse goes on."""
    if source.path == STDIN:
        return {"log": source.name}
    found = Path(source.path).stat()
    return {"log": source.name, "bytes": found.st_size, "changed": found.st_mtime_ns}


def check_unchanged(
    before: dict[str, Any], now: dict[str, Any], logs_before: list[Any], logs_now: list[Any]
) -> None:
    if "parameters" not in before:
        raise UserError(
            "--resume: the parse that was ended is of an older version, which kept no times of events; parse "
            "again without --resume"
        )
    # parses of before sessions were masked do not say that they masked none
    before = before | {"log_format": {"mask_session": False} | before["log_format"]}
    changed = [name for name in now if before.get(name) != now[name]]
    if not changed and len(logs_before) != len(logs_now):
        changed = ["files of the archives"]
    if changed:
        raise UserError(
            f"--resume: {', '.join(changed)} differ from the parse that was ended; give the same, or parse "
            "again without --resume"
        )
    for old, new in zip(logs_before, logs_now, strict=True):
        if old != new:
            raise UserError(f"--resume: {new['log']} has changed since; parse again without --resume")
