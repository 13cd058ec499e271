"""The task that runs one DVC stage."""

import time

from prefect import task
from prefect.cache_policies import NO_CACHE

from flows import dvc


@task(task_run_name="{stage}", cache_policy=NO_CACHE)
def run_stage(stage: str, stale: bool) -> str:
    """Run ``stage`` of ``dvc.yaml`` if it may be stale; ``up to date``, or how long it took."""
    started = time.monotonic()
    ran = stale and dvc.repro(stage)
    return f"{time.monotonic() - started:.1f} s" if ran else "up to date"
