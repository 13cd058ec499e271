"""Child processes that end, with all that they started, when their block does: no Ctrl-C leaves one behind."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PATIENCE = 5.0  # seconds that an interrupted process gets to end by itself
Child = subprocess.Popen[str]


@contextmanager
def child(command: Sequence[str], log: IO[str] | None = None) -> Iterator[Child]:
    """A process whose standard output is read here, or which says all it has to say to ``log``."""
    errors = subprocess.STDOUT if log else None
    process = subprocess.Popen(command, stdout=log or subprocess.PIPE, stderr=errors, text=True, env=environment())
    try:
        yield process
        process.wait()
    finally:
        end(process)
        if process.stdout:
            process.stdout.close()


def end(process: Child) -> None:
    """Terminate the process and its descendants; kill those that do not comply."""
    if process.poll() is None:
        end_family(process.pid)
        process.wait()


def end_family(pid: int, itself: bool = True) -> None:
    """Terminate every descendant of ``pid``, and ``pid`` with ``itself``; kill those that do not comply."""
    import psutil

    parent = psutil.Process(pid)
    family = [*parent.children(recursive=True), *([parent] if itself else [])]
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.terminate()
    for member in psutil.wait_procs(family, timeout=PATIENCE)[1]:
        with suppress(psutil.NoSuchProcess):
            member.kill()


def environment() -> dict[str, str]:
    """``dvc.yaml`` says ``python``: it must be this one; its output must come as it is printed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "PYTHONUNBUFFERED": "1"}
