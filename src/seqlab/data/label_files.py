"""Files that say which sessions are abnormal: ``BlockId,Label``."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqlab.data.sequences import LABEL_ABNORMAL, LABEL_NORMAL, Sessions
from seqlab.errors import UserError

LABEL_VALUES = {
    "normal": LABEL_NORMAL,
    "success": LABEL_NORMAL,
    "0": LABEL_NORMAL,
    "anomaly": LABEL_ABNORMAL,
    "abnormal": LABEL_ABNORMAL,
    "fail": LABEL_ABNORMAL,
    "1": LABEL_ABNORMAL,
}


def read_labels(path: str | Path) -> dict[str, int]:
    """Read ``BlockId,Label`` as {block id: LABEL_NORMAL or LABEL_ABNORMAL}.

    Labels are Normal or Anomaly, Success or Fail, 0 or 1.

    Raises:
        UserError: missing file, other columns, an unknown label or a block labelled twice; names the line.
    """
    path = Path(path)
    found = _plain_labels(path)
    return _checked_labels(path) if found is None else found


def _plain_labels(path: Path) -> dict[str, int] | None:
    """The labels of a file without any fault, ten times as fast; None where a fault must be looked for."""
    import polars as pl

    try:
        table = pl.read_csv(path, infer_schema=False)
        labels = table["Label"].str.strip_chars().str.to_lowercase()
        values = labels.replace_strict(LABEL_VALUES, return_dtype=pl.Int64)
    except (OSError, pl.exceptions.PolarsError):
        return None
    blocks = table["BlockId"] if "BlockId" in table.columns else None
    if blocks is None or values.null_count() or blocks.null_count():
        return None
    if blocks.n_unique() < len(blocks) or blocks.str.contains(r"^\s|\s$").any():
        return None
    return dict(zip(blocks.to_list(), values.to_list(), strict=True))


def _checked_labels(path: Path) -> dict[str, int]:
    """The labels of a file, or what is wrong with it."""
    import pandas as pd

    try:
        text = path.read_text(encoding="utf-8-sig")
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, skipinitialspace=True)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; the path is relative to {Path.cwd()}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a label table: {error}; expected the header BlockId,Label") from None
    if not {"BlockId", "Label"} <= set(table.columns):
        raise UserError(f"{path}, line 1: columns {', '.join(table.columns)}; expected BlockId,Label")
    values = table["Label"].str.strip().str.lower().map(LABEL_VALUES)
    if values.isna().any():
        row = int(np.flatnonzero(values.isna())[0])
        raise UserError(
            f"{path}, line {line_of_row(text, row)}: label {table['Label'].iloc[row]!r}; expected Normal or "
            "Anomaly, or 0, 1"
        )
    repeated = table["BlockId"].duplicated()
    if repeated.any():
        row = int(np.flatnonzero(repeated)[0])
        raise UserError(
            f"{path}, line {line_of_row(text, row)}: block {table['BlockId'].iloc[row]} is labelled twice"
        )
    return dict(zip(table["BlockId"].tolist(), values.astype(int).tolist(), strict=True))


def line_of_row(text: str, row: int) -> int:
    """The line of a table's row: a header and blank lines come before it."""
    return [number for number, line in enumerate(text.splitlines(), start=1) if line.strip()][row + 1]


def labels_of(sessions: Sessions, labels: dict[str, int], source: str | Path) -> NDArray[np.int8]:
    """(S,) the label of each session.

    Raises:
        UserError: a session that ``source`` does not name.
    """
    found = [labels.get(block_id) for block_id in sessions.ids.tolist()]
    missing = [
        block_id for block_id, label in zip(sessions.ids.tolist(), found, strict=True) if label is None
    ]
    if missing:
        raise UserError(
            f"{source}: no label for {len(missing)} of {len(found)} sessions, the first is {missing[0]}; "
            "is it the label file of this log?"
        )
    return np.asarray(found, dtype=np.int8)
