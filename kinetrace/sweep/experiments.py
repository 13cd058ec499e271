"""DVC's experiments for sweeps: queued with changed parameters, run in copies of the workspace, read back.

DVC's own ``--set-param`` is not used: it writes YAML 1.2, in which ``no`` is a text and ``1e-05`` a number, and the
stages read YAML 1.1.
"""

import csv
import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import chdir, contextmanager, suppress
from pathlib import Path
from typing import Any

from kinetrace import files, params, recipes
from kinetrace.errors import KinetraceError
from kinetrace.sweep.space import Values, nested
from kinetrace.workspace import Workspace

LAST_STAGE = "evaluate"  # a sweep never promotes
SILENT = "it ended without a word"
OWN = ("dvc.lock", "params.yaml")  # what names an experiment otherwise, or not at all


@contextmanager
def _explained() -> Iterator[None]:
    """DVC's refusals as a user's mistakes."""
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    try:
        yield
    except (DvcException, SCMError) as error:
        raise KinetraceError(f"DVC: {error}") from None


class Experiments:
    """The experiments of one workload on the present commit, uncommitted changes included.

    Raises:
        KinetraceError: the workspace is no DVC repository inside git, or has no commit yet.
    """

    def __init__(self, workspace: Workspace, workload: str) -> None:
        from dvc.repo import Repo
        from dvc.scm import Git

        self.workspace, self.workload = workspace, workload
        with _explained():
            self._repo = Repo(str(workspace.root))
            if not isinstance(self._repo.scm, Git) or self._repo.scm.no_commits:
                self._repo.close()
                raise KinetraceError(f"{workspace.root}: experiments belong to a commit: git init, git add, git commit")
            self.commit: str = self._repo.scm.get_rev()
        self._queue = self._repo.experiments.celery_queue
        raw = params.source(workspace.params, workload).raw
        self.fingerprint = files.digest_of([raw, self._contents()])

    def close(self) -> None:
        """Give back what is open of git and DVC."""
        self._repo.close()

    def _contents(self) -> dict[str, str]:
        """Digest of each file that goes into an experiment and that its parameters do not tell."""
        listed = self._git("ls-files", "--cached", "--others", "--exclude-standard")
        paths = {name: self.workspace.root / name for name in sorted(set(listed) - set(OWN))}
        return {name: files.digest(path) for name, path in paths.items() if path.is_file()}

    def untracked(self) -> list[str]:
        """What git neither tracks nor ignores, such as ``dvc.lock``; a folder of such files is named once."""
        return self._git("ls-files", "--others", "--exclude-standard", "--directory", "--no-empty-directory")

    def _git(self, command: str, *arguments: str) -> list[str]:
        done = subprocess.run(
            ["git", command, "-z", *arguments], cwd=self.workspace.root, check=True, capture_output=True, text=True
        )
        return [name for name in done.stdout.split("\0") if name]

    def name(self, effective: Mapping[str, Any]) -> str:
        """The experiment's name: the same parameters on the same code and data have the same."""
        return f"{self.workload}-{files.digest_of([self.fingerprint, effective])[:10]}"

    def find(self, name: str) -> str:
        """The git revision of a finished experiment, or ""."""
        from dvc.repo.experiments.refs import ExpRefInfo

        return self._repo.scm.get_ref(str(ExpRefInfo(self.commit, name))) or ""

    def put(self, name: str, values: Values) -> None:
        """Queue an experiment with ``values`` changed in ``params.yaml``, which is left as it was."""
        before = self.workspace.params.read_bytes()
        self.forget({name})
        with _explained(), chdir(self.workspace.root):  # DVC takes stages, and the folder of a run, from where it is
            try:
                recipes.change(self.workspace, nested(values), Path(f"experiment {name}"))
                self._repo.experiments.run(
                    targets=[f"{LAST_STAGE}@{self.workload}"], name=name, queue=True, copy_paths=self.untracked()
                )
            finally:
                files.write_bytes(self.workspace.params, before)

    def work(self, jobs: int) -> None:
        """See to it that ``jobs`` workers take experiments from the queue; idle ones end by themselves."""
        with _explained(), _own_programs(), chdir(self.workspace.root):
            self._queue.start_workers(jobs)

    def orphaned(self, name: str) -> bool:
        """Whether what is called running has neither a process nor a worker, as after a kill of both."""
        import psutil

        processes = [self._queue.proc.get(entry.stash_rev) for entry in self._queue.iter_active() if entry.name == name]
        at_work = any(process and psutil.pid_exists(process.pid) for process in processes)
        return not at_work and not self._queue.worker_status()

    def states(self) -> dict[str, str]:
        """``queued``, ``running`` or ``ended`` by name, of what is in DVC's queue."""
        found = {entry.name: "ended" for entry in self._ended()}
        found |= {entry.name: "running" for entry in self._queue.iter_active()}
        return found | {entry.name: "queued" for entry in self._queue.iter_queued()}

    def _ended(self) -> list[Any]:
        with _explained():
            return [done.entry for done in self._queue.iter_done()]

    def forget(self, names: Collection[str]) -> None:
        """Take what ended or still waits under ``names`` out of DVC's queue; finished experiments stay."""
        listed = {entry.name for entry in [*self._ended(), *self._queue.iter_queued()]}
        with _explained():
            self._queue.remove(sorted(listed & set(names)))

    def cancel(self, names: Collection[str]) -> None:
        """Stop what runs or waits under ``names``."""
        from dvc.exceptions import DvcException

        self.forget({name for name, state in self.states().items() if state == "queued"} & set(names))
        running = {name for name, state in self.states().items() if state == "running"} & set(names)
        with suppress(DvcException, ProcessLookupError):  # it ended in between
            self._queue.kill(sorted(running))

    def log(self, name: str) -> str:
        """What an experiment in the queue has printed so far."""
        entries = [*self._queue.iter_active(), *self._ended()]
        for entry in entries:
            process = self._queue.proc.get(entry.stash_rev) if entry.name == name else None
            if process and process.stdout and Path(process.stdout).is_file():
                return Path(process.stdout).read_text(encoding="utf-8", errors="replace")
        return ""

    def read(self, revision: str, path: Path) -> str:
        """The text of a pipeline file, as the experiment left it."""
        from dvc.api import DVCFileSystem

        with _explained():
            tree = DVCFileSystem(url=str(self.workspace.root), rev=revision)
            try:
                text: str = tree.read_text(path.relative_to(self.workspace.root).as_posix())
            finally:
                tree.close()
        return text

    def history(self, revision: str) -> list[dict[str, float]]:
        """The rows of the experiment's ``history.csv``, empty cells left out."""
        text = self.read(revision, self.workspace.of(self.workload).history)
        return [{key: float(cell) for key, cell in row.items() if cell} for row in csv.DictReader(text.splitlines())]


@contextmanager
def _own_programs() -> Iterator[None]:
    """``dvc`` and the ``python`` of the stages are those of this environment, also where it is not activated."""
    before = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def reason(log: str) -> str:
    """Why an experiment failed, from what it printed: the stage's own words, else the last line."""
    if own := re.search(r"^error: (.+?)(?=^ERROR: |\Z)", log, re.MULTILINE | re.DOTALL):
        return own[1].strip()
    lines = [
        line.strip() for line in log.splitlines() if line.strip() and not line.startswith("ERROR: failed to repro")
    ]
    return lines[-1] if lines else SILENT
