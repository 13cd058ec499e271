"""What chooses among the runs of a sweep: a metric of the validation split, never of the test split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kinetrace.errors import KinetraceError

VALIDATION = "val_"  # how the columns of a history begin that come from the validation split
MAXIMIZE, MINIMIZE = DIRECTIONS = ("maximize", "minimize")
BETTER = {"higher": MAXIMIZE, "lower": MINIMIZE}  # as metrics.json says it of the metric of the same name


@dataclass(frozen=True)
class Objective:
    """A column of ``history.csv``, whose last row counts; ``direction`` is "" where nothing says which is better."""

    metric: str
    direction: str

    def rank(self, value: float | None) -> tuple[bool, float]:
        """A key that sorts the best value first, and no value last."""
        sign = {MAXIMIZE: -1.0, MINIMIZE: 1.0}.get(self.direction, 0.0)
        return value is None, sign * (value or 0.0)


def refuse_test(metric: str) -> None:
    """Only the validation split may choose.

    Raises:
        KinetraceError: ``metric`` is no column of the validation split.
    """
    if metric and not metric.startswith(VALIDATION):
        raise KinetraceError(
            f"{metric!r} may not choose: expected a column of history.csv that begins with {VALIDATION}, from the "
            "validation split. metrics.json is of the test split, which is unseen no longer once it chooses; "
            "--test shows it for the best run"
        )


def of(columns: Sequence[str], metrics: Mapping[str, Any], metric: str, direction: str, source: str) -> Objective:
    """The objective ``metric``, or the first validation metric among the ``columns`` of a history.

    The direction is taken from ``metrics``, the content of a ``metrics.json``, where it has the metric's namesake.

    Raises:
        KinetraceError: the history of ``source`` has no such metric; says which it has.
    """
    offered = [name for name in columns if name.startswith(VALIDATION)]
    if not offered or (metric and metric not in offered):
        wanted = f"no column {metric}" if metric else "no validation metric"
        raise KinetraceError(f"{source}: {wanted}; there is: {', '.join(offered) or 'none, is the split empty?'}")
    chosen = metric or offered[0]
    namesake = metrics.get("metrics", {}).get(chosen.removeprefix(VALIDATION), {})
    return Objective(chosen, direction or BETTER.get(namesake.get("better", ""), ""))
