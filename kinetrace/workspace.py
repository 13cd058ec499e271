"""Where everything lies: the one place that knows the folders of a workspace."""

from dataclasses import dataclass
from pathlib import Path

from kinetrace.errors import KinetraceError


@dataclass(frozen=True)
class Workspace:
    """A checkout with ``params.yaml`` and ``dvc.yaml`` at its root."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> "Workspace":
        """The workspace around ``start`` (the current folder by default).

        Raises:
            KinetraceError: no ``params.yaml`` in the folder or above it.
        """
        origin = (start or Path.cwd()).resolve()
        for folder in (origin, *origin.parents):
            if (folder / "params.yaml").is_file() and (folder / "dvc.yaml").is_file():
                return cls(folder)
        raise KinetraceError(f"no workspace at {origin}: params.yaml and dvc.yaml are not here or above; cd into one")

    @property
    def params(self) -> Path:
        return self.root / "params.yaml"

    @property
    def lock(self) -> Path:
        return self.root / "dvc.lock"

    @property
    def private(self) -> Path:
        """State that is neither input nor artifact: cache, registry, Prefect's database."""
        return self.root / ".kinetrace"

    @property
    def cache(self) -> Path:
        return self.private / "cache"

    @property
    def mlflow_uri(self) -> str:
        self.private.mkdir(exist_ok=True)
        return f"sqlite:///{self.private / 'mlflow.db'}"

    def of(self, workload: str) -> "Folders":
        """The folders of one workload."""
        return Folders(self, workload)

    def known(self, workload: str) -> "Folders":
        """The same, of a workload that ``params.yaml`` has.

        Raises:
            KinetraceError: it has no such workload.
        """
        from kinetrace import params

        params.source(self.params, workload)
        return self.of(workload)


@dataclass(frozen=True)
class Folders:
    """The files of one workload in a workspace."""

    workspace: Workspace
    workload: str

    @property
    def data(self) -> Path:
        return self.workspace.root / "data" / self.workload

    @property
    def models(self) -> Path:
        return self.workspace.root / "models" / self.workload

    @property
    def reports(self) -> Path:
        return self.workspace.root / "reports" / self.workload

    @property
    def imported(self) -> Path:
        return self.workspace.root / "data" / "raw" / self.workload

    @property
    def twin(self) -> Path:
        return self.workspace.root / "data" / "twin" / self.workload

    @property
    def clips(self) -> Path:
        return self.data / "clips.parquet"

    @property
    def quarantine(self) -> Path:
        return self.data / "quarantine.parquet"

    @property
    def data_docs(self) -> Path:
        return self.reports / "data_docs"

    @property
    def stats_npz(self) -> Path:
        return self.data / "stats.npz"

    @property
    def stats_json(self) -> Path:
        return self.data / "stats.json"

    @property
    def motion_table(self) -> Path:
        return self.data / "motion.parquet"

    @property
    def motion_json(self) -> Path:
        return self.data / "motion.json"

    @property
    def split_table(self) -> Path:
        return self.data / "split.parquet"

    @property
    def split_json(self) -> Path:
        return self.data / "split.json"

    @property
    def shards(self) -> Path:
        return self.data / "shards"

    @property
    def checkpoint(self) -> Path:
        return self.models / "checkpoint"

    @property
    def pretrained(self) -> Path:
        return self.models / "pretrained"

    @property
    def history(self) -> Path:
        return self.models / "history.csv"

    @property
    def metrics(self) -> Path:
        return self.models / "metrics.json"

    @property
    def predictions(self) -> Path:
        return self.models / "predictions.parquet"

    @property
    def plots(self) -> Path:
        return self.models / "plots"

    @property
    def bundle(self) -> Path:
        return self.models / "bundle"

    @property
    def promotion(self) -> Path:
        return self.models / "promotion.json"

    @property
    def ledger(self) -> Path:
        return self.workspace.private / "ledger.jsonl"

    @property
    def resume(self) -> Path:
        """Training's own checkpoints; outside DVC, which deletes a stage's outputs before it runs."""
        return self.workspace.private / "resume" / self.workload
