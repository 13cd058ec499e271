"""The pipeline as a Prefect flow: DVC says which stages are stale, Prefect runs them in order.

``python -m flows.pipeline sign`` is what ``make run`` and ``kinetrace run`` call.
"""

import os
import signal
import sys
from typing import NoReturn

from prefect import flow

from flows import ROOT, dvc
from flows.processes import end_family
from kinetrace import params, report
from kinetrace.cli import STAGES, USER_ERROR
from kinetrace.errors import KinetraceError
from kinetrace.workspace import Workspace
from tasks.raw import check_import
from tasks.stage import run_stage

INTERRUPTED = 130  # what a shell reports after Ctrl-C


@flow(name="kinetrace", flow_run_name="{workload}", validate_parameters=False)
def pipeline(workload: str, raw: str) -> dict[str, str]:
    """The raw data in the folder ``raw``, then the nine stages; how long each took, or ``up to date``."""
    twin = raw == f"data/twin/{workload}"
    names = [f"{stage}@{workload}" for stage in (("twin", *STAGES) if twin else STAGES)]
    took = {} if twin else {"import": check_import(workload, raw)}
    stale = dvc.stale(names[-1])
    first = next((place for place, name in enumerate(names) if name in stale), len(names))
    for place, name in enumerate(names):
        took[name.partition("@")[0]] = run_stage(name, place >= first)
    return took


def main(workload: str = "sign") -> int:
    """Run the flow and print what happened; the exit code."""
    os.chdir(ROOT)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    try:
        took = pipeline(workload, params.source(Workspace(ROOT).params, workload).raw)
    except KinetraceError as error:
        print(f"error: {error}", file=sys.stderr)
        return USER_ERROR
    folders = Workspace(ROOT).of(workload)
    print(report.table(folders, report.stages(folders, took)), end="")
    return 0


def _interrupted(*_: object) -> NoReturn:
    """End at once: Ctrl-C reached Prefect's server too, and waiting for its answer would take minutes."""
    print("interrupted: the same command again goes on where this one stopped", file=sys.stderr, flush=True)
    end_family(os.getpid(), itself=False)
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
