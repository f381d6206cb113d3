"""Raw logs given where sessions of keys are wanted: what to do with them instead."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from seqlab.data.raw_logs import ARCHIVE_ENDINGS, is_raw_log
from seqlab.errors import UserError


def refuse_raw_log(path: Path, data: dict[str, Any]) -> None:
    """Raise UserError where a file holds raw log lines.

    Args:
        data: what a checkpoint says of its data.
    """
    parser = data.get("parser")
    if not is_raw_log(path, None if parser is None else parser["log_format"]["header"]):
        return
    log = shlex.quote(str(path))
    options = "--output DIR --templates TRAINED"
    if parser is not None and (name := parser["log_format"]["name"]) != "hdfs":
        options += f" --format {name}" + (" and the other options of then" if name == "regex" else "")
    ways = f"`seqlab parse {log} {options}` makes sessions of it: give DIR in its place"
    if not path.name.endswith(ARCHIVE_ENDINGS):
        known = "" if parser is not None else " --parser TRAINED"
        ways = f"`seqlab detect CHECKPOINT {log}{known}` reads it as it is; or {ways}"
    raise UserError(
        f"{path} is a raw log, not sessions of keys. {ways}. TRAINED is the parse that the model's data "
        "came from"
    )
