"""MLflow runs: one a training, found again by what it trained on and by the checkpoint it gave."""

import csv
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from kinetrace import bundle, files
from kinetrace.registry.tracking import connect, experiment
from kinetrace.workspace import Folders

if TYPE_CHECKING:
    from mlflow import MlflowClient

TRAINING = "kinetrace.training"
UNFINISHED = " AND attributes.status != 'FINISHED'"
CHECKPOINT = "kinetrace.checkpoint"
MOST = 100  # parameters or metrics a batch, MLflow's own limit


class RunLog:
    """A run that is being written; called with an epoch and its values. The same value is written once."""

    def __init__(self, client: "MlflowClient", run_id: str) -> None:
        self.run_id = run_id
        self._client = client
        metrics = client.get_run(run_id).data.metrics
        history = (item for name in metrics for item in client.get_metric_history(run_id, name))
        self._seen = {(item.key, item.step, item.value) for item in history}

    def __call__(self, step: int, values: Mapping[str, float]) -> None:
        """Write the values of an epoch, apart from those that stood there before a kill."""
        fresh = {
            name: value for name, value in values.items() if name != "epoch" and (name, step, value) not in self._seen
        }
        _log_metrics(self._client, self.run_id, fresh, step)
        self._seen |= {(name, step, value) for name, value in fresh.items()}

    def finish(self, checkpoint: str) -> None:
        """Say which checkpoint this run gave."""
        self._client.set_tag(self.run_id, CHECKPOINT, checkpoint)


def identity(folder: Path) -> str:
    """The digest of a checkpoint folder's names and bytes."""
    return files.digest_of(bundle.contents(folder))


@contextmanager
def live(folders: Folders, params: Any, key: str) -> Iterator[RunLog]:
    """The run of the training ``key``: the one that an earlier attempt began and did not finish, or a new one.

    It ends as FINISHED, or as FAILED when the body raises; a killed one stays RUNNING until it is continued.
    """
    client = connect(folders.workspace)
    run_id = _find(client, folders, TRAINING, key, UNFINISHED) or _start(client, folders, key)
    client.update_run(run_id, status="RUNNING")
    _log_params(client, run_id, flat(params.model_dump(mode="json", by_alias=True)))
    try:
        yield RunLog(client, run_id)
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")


def ensure(folders: Folders, params: Any, checkpoint: str) -> str:
    """The id of the run that gave ``checkpoint``; when there is none, one filled from ``history.csv``.

    A training that DVC restored from its cache left no run in this workspace.
    """
    found = _find(connect(folders.workspace), folders, CHECKPOINT, checkpoint)
    if found:
        return found
    with live(folders, params, f"restored-{checkpoint}") as log:
        for step, values in _history(folders.history):
            log(step, values)
        log.finish(checkpoint)
    return log.run_id


def complete(folders: Folders, run_id: str, digest: str) -> None:
    """Add the evaluation of the bundle ``digest`` to the run: metrics, and its files under the digest's name."""
    client = connect(folders.workspace)
    known = client.get_run(run_id).data.metrics
    figures = _figures(files.read_json(folders.metrics)["metrics"])
    _log_metrics(client, run_id, {name: value for name, value in figures.items() if known.get(name) != value}, 0)
    for path in (folders.metrics, folders.predictions, folders.bundle / bundle.LINEAGE):
        if path.is_file():
            client.log_artifact(run_id, str(path), place(digest))
    if folders.plots.is_dir():
        client.log_artifacts(run_id, str(folders.plots), f"{place(digest)}/plots")


def place(digest: str) -> str:
    """The artifact folder of a bundle in its run."""
    return f"bundle-{digest[:16]}"


def artifact(client: "MlflowClient", run_id: str, digest: str, name: str) -> Path | None:
    """A file that ``complete`` kept, where it lies, or None when it is gone."""
    root = Path(url2pathname(urlsplit(client.get_run(run_id).info.artifact_uri).path))
    path = root / place(digest) / name
    return path if path.is_file() else None


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested parameters as ``section.name``."""
    found: dict[str, str] = {}
    for name, value in values.items():
        nested = isinstance(value, Mapping) and value
        found |= flat(value, f"{prefix}{name}.") if nested else {f"{prefix}{name}": str(value)}
    return found


def _find(client: "MlflowClient", folders: Folders, tag: str, value: str, further: str = "") -> str | None:
    query = f"tags.`{tag}` = '{value}'{further}"
    found = client.search_runs([experiment(client, folders)], query, max_results=1, order_by=["start_time ASC"])
    return found[0].info.run_id if found else None


def _start(client: "MlflowClient", folders: Folders, key: str) -> str:
    run = client.create_run(experiment(client, folders), tags={TRAINING: key}, run_name=f"{folders.workload}-{key[:8]}")
    return str(run.info.run_id)


def _log_params(client: "MlflowClient", run_id: str, values: Mapping[str, str]) -> None:
    from mlflow.entities import Param

    known = client.get_run(run_id).data.params
    fresh = [Param(name, value) for name, value in values.items() if name not in known]
    for part in _parts(fresh):
        client.log_batch(run_id, params=part)


def _log_metrics(client: "MlflowClient", run_id: str, values: Mapping[str, float], step: int) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    for part in _parts([Metric(name, float(value), now, step) for name, value in values.items()]):
        client.log_batch(run_id, metrics=part)


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + MOST] for start in range(0, len(items), MOST))


def _figures(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """``test/ret1``, ``test/ret1/low``, ``test/ret1/high`` and ``test/ret1/<baseline>``; unknown ones left out.

    MLflow's names take no @: ``f1@50`` is ``test/f1 at 50``.
    """
    found: dict[str, float | None] = {}
    for name, metric in metrics.items():
        parts = {"": metric["value"], "/low": metric.get("low"), "/high": metric.get("high")}
        parts |= {f"/{key}": value for key, value in (metric.get("baselines") or {}).items()}
        found |= {f"test/{name}{suffix}".replace("@", " at "): value for suffix, value in parts.items()}
    return {name: float(value) for name, value in found.items() if value is not None}


def _history(path: Path) -> Iterator[tuple[int, dict[str, float]]]:
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            yield int(float(row["epoch"])), {name: float(value) for name, value in row.items() if value}
