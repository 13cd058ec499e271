"""The clip table: the one schema that every stage after ``validate`` shares.

A row is a labelled span of one recording by one subject. ``digest`` is the SHA-256 of the clip's own
bytes and is the clip's identity in every cache; ``clip_id`` is its name for people.
"""

from pathlib import Path
from typing import Any, cast

import pandas as pd

from kinetrace.errors import KinetraceError
from kinetrace.files import staged, written

COLUMNS: dict[str, str] = {
    "clip_id": "string",  # unique name within the data set
    "subject": "string",  # the person
    "session": "string",  # a recording session of that person, or ""
    "source": "string",  # file, relative to the data set's folder
    "start": "float64",  # seconds from the start of the source
    "end": "float64",  # seconds, exclusive
    "num_frames": "int64",
    "fps": "float64",  # frames a second
    "label_id": "int64",
    "label": "string",  # sentence, letter or operation
    "text": "string",  # what a person would read; the label when there is nothing more
    "digest": "string",  # SHA-256 of the clip's own bytes
}

FACT = "found_"  # how columns begin that a reader adds for the contract alone


def conform(table: pd.DataFrame) -> pd.DataFrame:
    """The clip columns first, in order and type, then the workload's own; rows sorted by ``clip_id``.

    Raises:
        KinetraceError: a column is missing.
    """
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise KinetraceError(f"the clip table lacks {', '.join(missing)}: the workload's reader must give them")
    own = sorted(set(table.columns) - set(COLUMNS))
    ordered = table[[*COLUMNS, *own]].astype(COLUMNS)
    return ordered.sort_values("clip_id", kind="stable").reset_index(drop=True)


def write_table(target: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet without index or times: same rows, same bytes."""
    with staged(target) as partial:
        table.to_parquet(partial, index=False, compression="zstd")


def read_table(path: Path) -> pd.DataFrame:
    """Read a table that a stage wrote; KinetraceError where it is missing."""
    return pd.read_parquet(written(path))


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The table as one dict a row, with plain Python values."""
    return cast(list[dict[str, Any]], table.to_dict("records"))
