"""Export: what serves, sealed as a bundle with its lineage."""

from kinetrace import bundle
from kinetrace.files import staged
from kinetrace.lineage.collect import collect
from kinetrace.workload import Job
from kinetrace.workspace import Folders


def run(job: Job) -> None:
    """Write ``models/<workload>/bundle/``."""
    with staged(job.folders.bundle) as partial:
        partial.mkdir()
        job.workload.export(job, partial)
        bundle.seal(partial, job.workload.name, collect(job.folders, job.params, job.raw))


def summary(folders: Folders) -> str:
    """What the bundle is, in a line."""
    manifest = bundle.verify(folders.bundle)
    size = sum(path.stat().st_size for path in folders.bundle.glob("*.zip"))
    return f"bundle {manifest.digest[:12]}, {len(manifest.files)} files, {size / 1e6:.1f} MB zipped"
