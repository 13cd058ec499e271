"""The identity of a training: what a run that was cut off must share to be continued."""

import inspect
from pathlib import Path

from kinetrace import files
from kinetrace.params import WorkloadParams
from kinetrace.workload import Job


def key(job: Job) -> str:
    """What decides a training's result: the workload's own parameters and code, shards and statistics, in hex.

    A training that was cut off is continued under the same key only.
    """
    package = Path(inspect.getfile(type(job.workload))).parent
    code = {path.name: files.digest(path) for path in package.glob("*.py")}
    parameters = job.params.model_dump(mode="json", exclude=set(WorkloadParams.model_fields))
    data = [files.digest(files.written(path)) for path in (job.folders.shards / "index.json", job.folders.stats_npz)]
    return files.digest_of([parameters, code, data])
