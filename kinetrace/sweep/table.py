"""The one table of a sweep: a row a combination, seeds taken together, the best first."""

import csv
import io
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kinetrace import report
from kinetrace.sweep.objective import Objective
from kinetrace.sweep.runner import FINISHED, Outcome
from kinetrace.sweep.space import Values

SEED = ".train.seed"


@dataclass(frozen=True)
class Group:
    """The runs of one combination over all seeds; ``spread`` is the standard deviation, from two seeds on."""

    values: Values
    runs: tuple[Outcome, ...]
    mean: float | None
    spread: float | None
    seconds: float | None


def groups(outcomes: Sequence[Outcome], objective: Objective) -> list[Group]:
    """Outcomes that differ in the training's seed alone taken together, the best first."""
    together: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        rest = {key: value for key, value in outcome.values.items() if not key.endswith(SEED)}
        together.setdefault(repr(rest), []).append(outcome)
    return sorted(
        (_group(runs, objective.metric) for runs in together.values()), key=lambda group: objective.rank(group.mean)
    )


def _group(runs: Sequence[Outcome], metric: str) -> Group:
    values = {key: value for key, value in runs[0].values.items() if len(runs) == 1 or not key.endswith(SEED)}
    found = [run.last[metric] for run in runs if metric in run.last]
    seconds = [run.seconds for run in runs if run.seconds is not None]
    return Group(
        values, tuple(runs),
        statistics.fmean(found) if found else None,
        statistics.stdev(found) if len(found) > 1 else None,
        statistics.fmean(seconds) if seconds else None,
    )  # fmt: skip


def best(ordered: Sequence[Group], objective: Objective) -> Group | None:
    """The first group, where a direction says that it is the best and it has a value."""
    return ordered[0] if ordered and objective.direction and ordered[0].mean is not None else None


def text(title: str, ordered: Sequence[Group], objective: Objective) -> str:
    """The table for people."""
    chosen = best(ordered, objective)
    return report.grid(title, [_row(group, objective, group is chosen) for group in ordered])


def _row(group: Group, objective: Objective, chosen: bool) -> dict[str, str]:
    return {
        "": "best" if chosen else "",
        **{key: str(value) for key, value in group.values.items()},
        objective.metric: _figure(group),
        "took": f"{group.seconds:.1f} s" if group.seconds is not None else "",
        "experiment": "\n".join(_told(run) for run in group.runs),
    }


def _figure(group: Group) -> str:
    if group.mean is None:
        return ""
    spread = f" ± {group.spread:.2g}" if group.spread is not None else ""
    done = sum(run.state == FINISHED for run in group.runs)
    seeds = f" ({done} of {len(group.runs)} seeds)" if len(group.runs) > 1 else ""
    return f"{group.mean:.4g}{spread}{seeds}"


def _told(run: Outcome) -> str:
    return run.name if run.state == FINISHED else f"{run.name}: {run.state}{': ' if run.reason else ''}{run.reason}"


def as_dict(ordered: Sequence[Group], objective: Objective) -> dict[str, Any]:
    """The same for machines: groups with their runs."""
    chosen = best(ordered, objective)
    rows = [asdict(group) | {"best": group is chosen} for group in ordered]
    return {"metric": objective.metric, "direction": objective.direction, "groups": rows}


def as_csv(ordered: Sequence[Group], objective: Objective) -> bytes:
    """A row a run, in the order of the table."""
    runs = [run for group in ordered for run in group.runs]
    out = io.StringIO()
    names = ["experiment", *runs[0].values, objective.metric, "seconds", "state", "reason"]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for run in runs:
        cells = [run.last.get(objective.metric, ""), "" if run.seconds is None else run.seconds, run.state, run.reason]
        writer.writerow([run.name, *run.values.values(), *cells])
    return out.getvalue().encode()
