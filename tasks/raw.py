"""The task that makes sure of the raw data: the digital twin, or what was imported."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from kinetrace.errors import KinetraceError


@task(task_run_name="raw data of {workload}", cache_policy=NO_CACHE)
def check_import(workload: str, raw: str) -> str:
    """``up to date`` when the imported folder is there; whether it changed is DVC's to say.

    Raises:
        KinetraceError: the folder is missing or empty.
    """
    folder = Path(raw)
    if not folder.is_dir() or not any(folder.iterdir()):
        raise KinetraceError(
            f"{folder} is missing or empty: `kinetrace import --help` lists what fills it, "
            f"or set workloads.{workload}.raw in params.yaml to data/twin/{workload}"
        )
    return "up to date"
