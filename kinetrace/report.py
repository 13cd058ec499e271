"""What each stage of a workload last decided, from its own files: the table at the end of a run."""

import importlib
import io
import shutil
from collections.abc import Mapping, Sequence

from kinetrace import params
from kinetrace.errors import KinetraceError
from kinetrace.workspace import Folders

NOTHING = "no result yet"
RESULT = {  # what a stage writes last, by the name that Folders gives it
    "validate": "quarantine",
    "stats": "stats_json",
    "motion": "motion_json",
    "split": "split_json",
    "shards": "shards",
    "train": "history",
    "evaluate": "metrics",
    "export": "bundle",
    "promote": "promotion",
}
SOURCES = {"twin": "synthetic data in {}", "import": "imported data in {}"}


def stages(folders: Folders, took: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    """One row a stage with ``stage`` and ``decided``; with ``took``, the duration of each, that too."""
    names = [*(name for name in took or () if name in SOURCES), *RESULT]
    rows = [{"stage": name, "decided": _decided(name, folders)} for name in names]
    return [{**row, "took": took.get(row["stage"], "")} for row in rows] if took else rows


def _decided(name: str, folders: Folders) -> str:
    if name in SOURCES:
        return SOURCES[name].format(params.source(folders.workspace.params, folders.workload).raw)
    if not getattr(folders, RESULT[name]).exists():
        return NOTHING
    text: str = importlib.import_module(f"kinetrace.stages.{name}").summary(folders)
    return text


def table(folders: Folders, rows: Sequence[Mapping[str, str]]) -> str:
    """The rows as a table, then where to look further."""
    return grid(folders.workload, rows) + _look_further(folders)


def _look_further(folders: Folders) -> str:
    """What there is to look at so far, a line each."""
    name = folders.workload
    places = [
        (True, "make ui", "MLflow and Prefect in the browser"),
        (folders.reports.exists(), f"reports/{name}/", "what the data contract found"),
        (folders.metrics.exists(), f"models/{name}/metrics.json", "metrics with their intervals; plots/ beside it"),
        (_crowned(folders), f".venv/bin/kinetrace trace {name}@champion", "from the model back to its clips"),
    ]
    return "\n".join(["Look further:", *(f"  {what:<45}{why}" for there, what, why in places if there), ""])


def _crowned(folders: Folders) -> bool:
    """Whether the ledger knows a champion."""
    from kinetrace.registry import ledger

    try:
        return folders.ledger.is_file() and any(row.after for row in ledger.entries(folders.ledger, folders.workload))
    except KinetraceError:  # altered: `kinetrace ledger` says so
        return False


def grid(title: str, rows: Sequence[Mapping[str, str]]) -> str:
    """The rows as a table as wide as the terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(name, justify="right" if name == "took" else "left", overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    text = io.StringIO()
    Console(file=text, width=shutil.get_terminal_size((120, 24)).columns).print(table, markup=False)
    return text.getvalue()
