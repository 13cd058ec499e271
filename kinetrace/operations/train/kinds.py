"""Which training runs for which ``model.kind``."""

from kinetrace.workload import Job, Log


def run(job: Job, log: Log) -> None:
    """Write ``checkpoint/`` and ``history.csv``."""
    if job.params.model.kind == "vlm":
        from kinetrace.operations.train import tuning

        tuning.run(job, log)
    else:
        from kinetrace.operations.train import trainer

        trainer.run(job, log)
