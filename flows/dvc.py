"""The two questions to DVC: what is stale, and run this stage. Each is a process of its own, ended with this one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kinetrace.errors import KinetraceError

DVC = (sys.executable, "-m", "dvc")
SKIPPED = "didn't change, skipping"
CHATTER = ("Updating lock file", "To track the changes", "git add", "To enable auto staging", "dvc config", "Use `dvc")
PATIENCE = 5.0  # seconds that an interrupted process gets to end by itself


def stale(target: str) -> set[str]:
    """Names of the stages up to ``target`` whose inputs, parameters or outputs differ from ``dvc.lock``.

    Raises:
        KinetraceError: DVC cannot answer; its own message.
    """
    command = [*DVC, "status", "--json", "--with-deps", target]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment())
    if done.returncode:
        raise KinetraceError(done.stderr.strip() or f"{' '.join(command)} failed")
    return set(json.loads(done.stdout))


def repro(stage: str) -> bool:
    """Run ``stage`` if DVC finds it stale, its output passed on line by line; whether its command ran.

    Raises:
        KinetraceError: the stage failed; it has said why itself.
    """
    command = [*DVC, "repro", "--single-item", stage]
    ran = True
    with _child(command) as process:
        for line in process.stdout or ():
            ran = ran and SKIPPED not in line
            if line.strip() and not line.strip().startswith(CHATTER):
                print(line, end="", flush=True)
    if process.returncode:
        raise KinetraceError(f"{stage} failed: nothing after it ran; correct what it says above and run again")
    return ran


@contextmanager
def _child(command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    """A process whose standard output is read here; it and all that it started end with the block."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment())
    try:
        yield process
        process.wait()
    finally:
        _end(process)


def _end(process: "subprocess.Popen[str]") -> None:
    import psutil

    if process.poll() is not None:
        return
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for member in family:
        member.terminate()
    for member in psutil.wait_procs(family, timeout=PATIENCE)[1]:
        member.kill()
    process.wait()


def _environment() -> dict[str, str]:
    """``dvc.yaml`` says ``python``: it must be this one; its output must come as it is printed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"}
