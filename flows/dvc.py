"""The two questions to DVC: what is stale, and run this stage."""

import json
import subprocess
import sys

from flows.processes import child, environment
from kinetrace.errors import KinetraceError

DVC = (sys.executable, "-m", "dvc")
SKIPPED = "didn't change, skipping"
CHATTER = ("Updating lock", "To track the changes", "git add", "To enable auto staging", "dvc config", "Use `dvc push")


def stale(target: str) -> set[str]:
    """Names of the stages up to ``target`` whose inputs, parameters or outputs differ from ``dvc.lock``.

    Raises:
        KinetraceError: DVC cannot answer; its own message.
    """
    command = [*DVC, "status", "--json", "--with-deps", target]
    done = subprocess.run(command, capture_output=True, text=True, env=environment())
    if done.returncode:
        raise KinetraceError(done.stderr.strip() or f"{' '.join(command)} failed")
    return set(json.loads(done.stdout))


def repro(stage: str) -> bool:
    """Run ``stage`` if DVC finds it stale, its output passed on line by line; whether its command ran.

    Raises:
        KinetraceError: the stage failed; it has said why itself.
    """
    ran = True
    with child([*DVC, "repro", "--single-item", stage]) as process:
        for line in process.stdout or ():
            ran = ran and SKIPPED not in line
            if line.strip() and not line.strip().startswith(CHATTER):
                print(line, end="", flush=True)
    if process.returncode:
        raise KinetraceError(f"{stage} failed and nothing after it ran: correct what it says above, then run again")
    return ran
