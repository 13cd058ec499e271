"""``python -m experiments [SERIES...]``: run what docs/results.md reports, then write it."""

from multiprocessing import get_context
from typing import Annotated

import typer

from experiments import report
from experiments.series import SERIES
from experiments.trial import told
from kinetrace.environment import be_quiet


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
        for trial in {trial.data: trial for trial in trials}.values():
            trial.prepare()
        with get_context("spawn").Pool(jobs, maxtasksperchild=1) as pool:  # peak memory is that of one training
            pool.map(told, trials, chunksize=1)
    report.write(seeds)


if __name__ == "__main__":
    typer.run(main)
