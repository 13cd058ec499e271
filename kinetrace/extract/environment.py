"""The environment of extraction: made on first use, judged before it is trusted, by one process at a time."""

import fcntl
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kinetrace.errors import KinetraceError
from kinetrace.files import digest, digest_of, write_bytes
from kinetrace.parallel import progress
from kinetrace.workspace import Workspace

LOCK = Path(__file__).with_name("requirements.lock")
WORKER = Path(__file__).with_name("worker.py")
OURS, COMPLETE = ".made-by-kinetrace", ".complete"  # the first from the beginning, the second at the end
TAIL = 12  # lines of a failed command that are shown
Say = Callable[[str], None]


def home() -> Path:
    """Where extraction keeps its environment and its results: the workspace's own place, or the user's cache."""
    try:
        return Workspace.find().private / "extract"
    except KinetraceError:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(cache) / "kinetrace" / "extract"


def pinned(package: str) -> str:
    """The version of ``package`` in the lock file."""
    [version] = re.findall(rf"^{re.escape(package)}==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    return str(version)


def provide(folder: Path, say: Say) -> Path:
    """The Python of the environment in ``folder``, which is made or repaired first where it is not complete.

    Raises:
        KinetraceError: ``folder`` holds something else, or the environment cannot be made; says what to run by hand.
    """
    folder = folder.absolute()
    if not _complete(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder, say):
            if not _complete(folder):
                _make_or_adopt(folder, say)
    return _python(folder)


def _complete(folder: Path) -> bool:
    mark = folder / COMPLETE
    return _python(folder).exists() and mark.is_file() and mark.read_text(encoding="utf-8") == _identity(folder)


def _identity(folder: Path) -> str:
    """What an environment must have been made from; its folder too, since scripts in it name it."""
    return digest_of([digest(LOCK), sys.version, str(folder)])


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


@contextmanager
def _alone(folder: Path, say: Say) -> Iterator[None]:
    """One process at a time; the lock goes with the process that holds it, however it ends."""
    with folder.with_name(f".{folder.name}.lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process sets up {folder}: waiting for it")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _make_or_adopt(folder: Path, say: Say) -> None:
    """A sound one that was made by hand is taken as it is."""
    if problem(folder):
        _clear(folder)
        say(f"setting up {folder} for MediaPipe {pinned('mediapipe')} (once, about a minute)")
        _make(folder)
        if found := problem(folder):
            raise KinetraceError(f"the environment {folder} does not work: {found}")
    write_bytes(folder / COMPLETE, _identity(folder).encode())


def problem(folder: Path) -> str:
    """Why the environment cannot run the worker, "" when it can."""
    if not _python(folder).exists():
        return "it has no bin/python"
    command = [str(_python(folder)), "-I", str(WORKER), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    if done.returncode:
        return _explained(done.stderr)
    found = json.loads(done.stdout.splitlines()[-1])["mediapipe"]
    return "" if found == pinned("mediapipe") else f"mediapipe {found}, expected {pinned('mediapipe')}"


def _explained(stderr: str) -> str:
    last = (stderr.strip().splitlines() or ["it ends without a word"])[-1]
    if "cannot open shared object file" in last:
        return f"{last}; the system lacks that library: on Debian, apt-get install libgl1 libegl1 libglib2.0-0"
    return last


def environment() -> dict[str, str]:
    """Variables for its processes: nothing that leads to this interpreter's packages."""
    own = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    return {name: value for name, value in os.environ.items() if name not in own}


def _clear(folder: Path) -> None:
    """Remove a half-made environment of ours, and nothing else."""
    if folder.exists() and not (folder / OURS).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise KinetraceError(
            f"{folder} is no environment that kinetrace made, and cannot extract ({problem(folder)}): "
            "name a new folder with --env, or remove it"
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / OURS).touch()


def _make(folder: Path) -> None:
    venv, install = _commands(folder)
    _run(folder, venv, 0)
    _run(folder, install, LOCK.read_text(encoding="utf-8").count("=="))


def _commands(folder: Path) -> tuple[list[str], list[str]]:
    venv = [sys.executable, "-m", "venv", str(folder)]
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(LOCK)]
    return venv, [str(_python(folder)), "-m", "pip", "install", *options]


def by_hand(folder: Path) -> str:
    """What does the same in a shell."""
    return " && ".join(shlex.join(command) for command in _commands(folder))


def _run(folder: Path, command: list[str], packages: int) -> None:
    """Run it, a step of progress a package.

    Raises:
        KinetraceError: it fails; its last words, and both commands for a shell.
    """
    quiet = environment() | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_PROGRESS_BAR": "off"}
    pipe = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    said: list[str] = []
    with subprocess.Popen(command, text=True, env=quiet, **pipe) as process:  # type: ignore[call-overload]
        for _ in progress(_collected(process.stdout, said), packages, "set up"):
            pass
    if process.returncode:
        raise KinetraceError(
            f"setting up {folder} failed:\n{''.join(said[-TAIL:])}"
            f"It needs the Python package index once. By hand, on a machine or in a shell that reaches it:\n"
            f"{by_hand(folder)}\nthen run the same command again"
        )


def _collected(lines: Iterator[str], said: list[str]) -> Iterator[str]:
    """Those of pip's lines that begin a package; all are kept in ``said``."""
    for line in lines:
        said.append(line)
        if line.startswith("Collecting "):
            yield line
