"""What a parse is asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seqlab.errors import UserError
from seqlab.logs.formats import LogFormat
from seqlab.logs.reading import CHUNK_BYTES
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
    overwrite: bool = False  # a parse that lies in ``output``

    def __post_init__(self) -> None:
        if not self.log_format.names_sessions and self.windows is None:
            raise UserError(
                f"--format {self.log_format.name} names no session: give --session REGEX, or --window SECONDS"
            )

    def state(self) -> dict[str, Any]:
        """Plain values for parse.json."""
        return {
            "logs": list(self.logs),
            "log_format": self.log_format.state(),
            "window": None if self.windows is None else asdict(self.windows),
            "labels": None if self.labels is None else str(self.labels),
            "templates": None if self.templates is None else str(self.templates),
            "parameters": self.parameters,
        }
