"""The command ``kinetrace sweep``; heavy imports happen inside it."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kinetrace.console import INTERRUPTED, Json, show
from kinetrace.errors import KinetraceError
from kinetrace.sweep.objective import DIRECTIONS
from kinetrace.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kinetrace.sweep.objective import Objective
    from kinetrace.sweep.runner import Outcome, Runner
    from kinetrace.sweep.space import Axis, Values
    from kinetrace.sweep.table import Group


def _direction(value: str) -> str:
    if value and value not in DIRECTIONS:
        raise typer.BadParameter(f"{value} is neither maximize nor minimize")
    return value


def sweep(
    workload: Annotated[str, typer.Argument(metavar="WORKLOAD", help="an entry under 'workloads' in params.yaml")],
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=V1,V2", help="repeat it; the product runs")
    ] = None,
    grid: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="lists of values by key; the product runs")
    ] = None,
    search: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="ranges or choices by key; Optuna draws")
    ] = None,
    trials: Annotated[int, typer.Option(min=1, help="of a search, those before an interruption counted")] = 20,
    seed: Annotated[int, typer.Option(help="of a search")] = 7,
    metric: Annotated[str, typer.Option(help="a val_ column of history.csv; the first one by default")] = "",
    direction: Annotated[str, typer.Option(callback=_direction, help="maximize | minimize, where nothing says")] = "",
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="experiments at a time")] = 1,
    test: Annotated[bool, typer.Option("--test", help="also show the test metrics of the best one")] = False,
    table: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="write a row a run")] = None,
    as_json: Json = False,
) -> None:
    """Train one model for each combination of parameters, as DVC experiments; one table at the end.

    The validation split chooses. Run again, what has finished is not run again; exit 1 when a run failed.
    """
    from kinetrace.sweep import objective, space
    from kinetrace.sweep.experiments import Experiments
    from kinetrace.sweep.runner import Runner

    if bool(search) == bool(values or grid):
        raise KinetraceError("say what to vary: --set KEY=V1,V2 and --grid FILE.yaml, or --search FILE.yaml alone")
    objective.refuse_test(metric)
    workspace = Workspace.find()
    base = space.Base.of(workspace, workload)
    lists = space.grid(values or (), grid)
    axes: Mapping[str, Axis] = space.read(search) if search else dict(lists)
    base.check(axes)
    with closing(Experiments(workspace, workload)) as experiments:
        runner = Runner(base, experiments, jobs, lambda line: typer.echo(line, err=True))
        if search:
            outcomes, judge = _searched(runner, axes, trials, seed, metric, direction)
        else:
            outcomes, judge = _gridded(runner, space.product(lists), metric, direction)
        _report(runner, outcomes, judge, test, table, as_json)
    raise typer.Exit(_exit_code(outcomes))


def _searched(
    runner: "Runner", axes: "Mapping[str, Axis]", trials: int, seed: int, metric: str, direction: str
) -> "tuple[list[Outcome], Objective]":
    """A search needs to know what it looks for before it begins: from the options, else from the last results here."""
    from kinetrace.sweep.objective import Objective
    from kinetrace.sweep.search import Search

    judge = _known(runner, metric, direction) or Objective(metric, direction)
    if not judge.metric or not judge.direction:
        missing = "--metric, a val_ column of history.csv" if not judge.metric else "--direction maximize or minimize"
        raise KinetraceError(f"a search looks for the best {judge.metric or 'value'}: say {missing}")
    return Search(runner, axes, judge, trials, seed).run(), judge


def _known(runner: "Runner", metric: str, direction: str) -> "Objective | None":
    """The objective by the results that lie in the workspace, if any do."""
    from kinetrace import files
    from kinetrace.sweep import objective

    folders = runner.experiments.workspace.of(runner.base.workload)
    if not folders.history.is_file():
        return None
    columns = folders.history.read_text(encoding="utf-8").partition("\n")[0].split(",")
    metrics = files.read_json(folders.metrics) if folders.metrics.is_file() else {}
    return objective.of(columns, metrics, metric, direction, str(folders.history))


def _gridded(
    runner: "Runner", combinations: "Sequence[Values]", metric: str, direction: str
) -> "tuple[list[Outcome], Objective]":
    """A grid needs no objective to run; the results say what there is."""
    from kinetrace.sweep import objective

    outcomes = runner.run(combinations)
    done = next((outcome for outcome in outcomes if outcome.last), None)
    if not done:
        return outcomes, objective.Objective(metric or "metric", direction)
    metrics = runner.metrics(done.name)
    return outcomes, objective.of(list(done.last), metrics, metric, direction, f"experiment {done.name}")


def _report(
    runner: "Runner", outcomes: "list[Outcome]", judge: "Objective", test: bool, to: Path | None, as_json: bool
) -> None:
    from kinetrace import files
    from kinetrace.sweep import table

    groups = table.groups(outcomes, judge)
    chosen = table.best(groups, judge)
    shown = {run.name: runner.figures(run.name) for run in chosen.runs if run.last} if chosen and test else {}
    if to:
        files.write_bytes(to, table.as_csv(groups, judge))
    hints = _hints(judge, chosen) if any(outcome.last for outcome in outcomes) else []
    lines = [table.text(f"sweep of {runner.base.workload}", groups, judge), *hints]
    lines += [
        f"test split, {name}: " + ", ".join(f"{key} {value:.4g}" for key, value in row.items())
        for name, row in shown.items()
    ]
    show(table.as_dict(groups, judge) | {"test": shown}, as_json, "\n".join(lines))


def _hints(judge: "Objective", chosen: "Group | None") -> list[str]:
    """What to do with the table."""
    if not judge.direction:
        return [f"nothing says whether more or less {judge.metric} is better: --direction marks the best"]
    done = [run for run in chosen.runs if judge.metric in run.last] if chosen else []
    if not done:
        return []
    first = min(done, key=lambda run: judge.rank(run.last[judge.metric]))
    return [f"dvc exp apply {first.name} puts it into the workspace; dvc exp show lists all"]


def _exit_code(outcomes: "list[Outcome]") -> int:
    states = {outcome.state for outcome in outcomes}
    return INTERRUPTED if "interrupted" in states else int("failed" in states)
