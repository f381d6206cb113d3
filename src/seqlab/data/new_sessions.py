"""Sessions that a finished model is asked about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seqlab.data.line_counts import LineCounts
from seqlab.data.parsed_sessions import check_templates, features, read_parsed_sessions
from seqlab.data.raw_logs import refuse_raw_log_of_model
from seqlab.data.sequences import Sessions
from seqlab.data.session_files import read_sessions
from seqlab.errors import UserError


def read_any_sessions(path: Path, data: dict[str, Any]) -> Sessions:
    """The sessions of a file, or of a folder that ``seqlab parse`` wrote with the templates of training.

    Args:
        data: what a checkpoint says of its data.

    Raises:
        UserError: no sessions, a raw log, or a folder whose template ids mean something else than those of
            training.
    """
    if path.is_dir():
        parsed = read_parsed_sessions(path, times=bool(data.get("times")), parameters="parameters" in data)
        check_templates(str(path), parsed.parser, data.get("parser"))
        return parsed.sessions
    if found := features(data):
        raise UserError(
            f"{path}: the model was trained with {' and '.join(found)}, which only the output folder of "
            "seqlab parse has: give one"
        )
    refuse_raw_log_of_model(path, data)
    counts = LineCounts(path)
    sessions = read_sessions(path, counts)
    counts.tell()
    return sessions
