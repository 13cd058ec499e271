"""The identity of a training: what a run that was cut off must share to be continued."""

import inspect
from pathlib import Path
from typing import Any

from kinetrace import files
from kinetrace.workload import Job, Workload

SECTIONS = {"model", "loss", "augment", "train"}  # the parameters that dvc.yaml gives to the stage
SHARED = tuple(Path(__file__).with_name(name) for name in ("layers.py", "loop.py"))  # code of every training
FOLDERS = ("data", "model", "train")  # a workload's code that decides the result; how it is judged and served does not


def key(job: Job) -> str:
    """What decides a training's result: its parameters, the workload's code, shards and statistics, in hex.

    A training that was cut off is continued under the same key only.
    """
    parameters = job.params.model_dump(mode="json", include=SECTIONS)
    data = [files.digest(files.written(path)) for path in (job.folders.shards / "index.json", job.folders.stats_npz)]
    return identity(job.workload, parameters, data)


def identity(workload: Workload, parameters: Any, data: Any) -> str:
    """Of any training of ``workload``: its code with ``parameters`` and ``data`` as JSON values, in hex."""
    code = [_code(Path(inspect.getfile(type(workload))).parent), *map(files.digest, SHARED)]
    return files.digest_of([parameters, code, data])


def _code(package: Path) -> dict[str, str]:
    """Digest of each module by its path in ``package``: the outermost ones, and all in ``FOLDERS``."""
    paths = [*package.glob("*.py"), *(path for name in FOLDERS for path in (package / name).rglob("*.py"))]
    return {path.relative_to(package).as_posix(): files.digest(path) for path in paths}
