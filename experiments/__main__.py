"""``python -m experiments [SERIES...]``: run what docs/results.md reports, then write it."""

from typing import Annotated

import joblib
import typer

from experiments import report
from experiments.data import prepared
from experiments.series import SERIES
from experiments.trial import Trial
from kinetrace.environment import be_quiet
from kinetrace.errors import KinetraceError

SHOWN = ("ret1", "inst1", "wer", "gloss_wer", "refusal/auroc")


def main(
    series: Annotated[list[str] | None, typer.Argument(help=f"some of {', '.join(SERIES)}; all by default")] = None,
    seeds: Annotated[int, typer.Option(help="trainings of each")] = 3,
    jobs: Annotated[int, typer.Option(help="trainings at once, a thread each")] = 2,
    only_report: Annotated[bool, typer.Option("--report", help="write the document from what has been run")] = False,
) -> None:
    """Run the trials that have not been run, and write docs/results.md; an interrupted run goes on where it was."""
    be_quiet()
    if unknown := set(series or ()) - set(SERIES):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: expected some of {', '.join(SERIES)}")
    if not only_report:
        trials = [trial for name in series or SERIES for trial in SERIES[name](seeds)]
        for name in dict.fromkeys(trial.data for trial in trials):
            prepared(name)  # before the trainings, which would make it side by side
        joblib.Parallel(n_jobs=jobs)(joblib.delayed(_run)(trial) for trial in trials)
    report.write(seeds)


def _run(trial: Trial) -> None:
    try:
        found = trial.result()["figures"]
    except KinetraceError as error:  # a training that collapses is a result, too
        print(f"{trial.name}: {error}", flush=True)
        return
    for name, values in found.items():
        print(
            f"{trial.name}, {name}: " + ", ".join(f"{key} {values[key]:.3f}" for key in SHOWN if key in values),
            flush=True,
        )


if __name__ == "__main__":
    typer.run(main)
