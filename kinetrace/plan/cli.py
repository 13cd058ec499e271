"""The command ``kinetrace plan``; heavy imports happen inside it."""

import importlib
from typing import TYPE_CHECKING, Annotated

import typer

from kinetrace.console import Json, show
from kinetrace.errors import KinetraceError
from kinetrace.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from kinetrace.plan.planned import Plan
    from kinetrace.workspace import Folders


def plan(
    workload: Annotated[str, typer.Argument(metavar="WORKLOAD", help="an entry under 'workloads' in params.yaml")],
    gpu: Annotated[str, typer.Option(metavar="CARD", help="t4 | rtx3050 | its memory, such as 8GB or 6GiB")],
    as_json: Json = False,
) -> None:
    """Reckon the memory and hours that training takes on a card; exit 1 when it cannot fit, and what to change."""
    found = reckon(Workspace.find(), workload, gpu)
    show(found.as_dict(), as_json, found.as_text())
    if not found.fits:
        typer.secho(found.refusal(), fg="red", err=True)
    raise typer.Exit(0 if found.fits else 1)


def reckon(workspace: Workspace, workload: str, gpu: str) -> "Plan":
    """The plan that a workload's module ``plan`` makes of the parameters and of the clips in the shards.

    Raises:
        KinetraceError: the workload has no such module, or there is no such card.
    """
    from kinetrace.plan.cards import card
    from kinetrace.workload import Job

    job = Job.of(workspace, workload)
    name = f"kinetrace.{workload}.plan"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise KinetraceError(f"no plan for this workload: kinetrace/{workload}/plan.py would make it") from None
    made: Plan = module.plan(job.params, _clips(job.folders), card(gpu))
    return made


def _clips(folders: "Folders") -> "pd.DataFrame | None":
    """The clips of training, where the stage ``shards`` has run."""
    from kinetrace.clips import read_table
    from kinetrace.shards import TABLE

    path = folders.shards / TABLE
    if not path.is_file():
        return None
    table = read_table(path)
    return table[table.split == "train"]
