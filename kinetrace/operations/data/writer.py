"""The native table layout of ``operations``, written: ``operations.csv`` beside ``videos/``."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from kinetrace.files import write_bytes
from kinetrace.operations.data.table import REQUIRED, TABLE

COLUMNS = ("video_file", "subject", "session", *REQUIRED)
NO_LANDMARKS = (
    "operations are seen in video, not in landmarks: use `kinetrace import openpack DIR` or "
    "`kinetrace import videos DIR --table TABLE.csv`"
)


def write(target: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write ``operations.csv``: the native columns first, then the rows' own; what a row lacks is empty."""
    own = {name: None for row in rows for name in row if name not in COLUMNS}
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [*COLUMNS, *own], restval="")  # RFC 4180: what ends a line is quoted in a field
    writer.writeheader()
    writer.writerows(rows)
    write_bytes(target / TABLE, stream.getvalue().encode())
