"""The workspace's MLflow: one SQLite database and one artifact folder, reached through its client alone."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinetrace.files import staged
from kinetrace.workspace import Folders, Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient

NOISY = ("mlflow.store", "alembic")  # loggers that tell of every step of a database's first creation


def connect(workspace: Workspace) -> "MlflowClient":
    """A client of the workspace's database, which is made on first use."""
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    from mlflow import MlflowClient

    uri = workspace.mlflow_uri
    _create(workspace)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _create(workspace: Workspace) -> None:
    """Migrations are no transaction: a killed creation must leave no half-made database behind."""
    database = Path(workspace.mlflow_uri.removeprefix("sqlite:///"))
    if database.exists():
        return
    with locked(workspace, "mlflow"):
        if database.exists():
            return
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

        make: Any = SqlAlchemyStore  # carries no types
        with staged(database) as partial:
            make(f"sqlite:///{partial}", artifacts(workspace).as_uri()).engine.dispose()


def artifacts(workspace: Workspace) -> Path:
    """Where runs keep their files."""
    return workspace.private / "artifacts"


def experiment(client: "MlflowClient", folders: Folders) -> str:
    """The id of the workload's experiment, made on first use."""
    from mlflow.exceptions import MlflowException

    name = f"kinetrace-{folders.workload}"
    location = (artifacts(folders.workspace) / name).as_uri()
    found = client.get_experiment_by_name(name)
    if found:
        return str(found.experiment_id)
    try:
        return str(client.create_experiment(name, artifact_location=location))
    except MlflowException:
        found = client.get_experiment_by_name(name)
        if found is None:
            raise
        return str(found.experiment_id)  # someone else made it meanwhile


@contextmanager
def locked(workspace: Workspace, name: str) -> Iterator[None]:
    """Hold the workspace's lock ``name``; the system releases it when the process dies."""
    folder = workspace.private / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
