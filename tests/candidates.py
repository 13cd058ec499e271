"""A tiny workload whose "model" is a number, and workspaces in which candidates of known quality are judged."""

import atexit
import csv
import functools
import hashlib
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from kinetrace import files
from kinetrace.clips import write_table
from kinetrace.params import WorkloadParams
from kinetrace.registry import tracking
from kinetrace.stages import export
from kinetrace.workload import Job
from kinetrace.workspace import Workspace
from tests.workspaces import PARAMS

GATES = {"floors": {"ret1": 0.5}, "ceilings": {"wer": 0.9}, "no_worse": ["ret1", "wer"], "parity": 1e-4}


@dataclass(frozen=True)
class Fake:
    """Writes what a real workload would; ``quality`` is the share of right answers."""

    quality: float
    parity: float = 1e-6
    epochs: int = 3
    clips: tuple[int, int] = (0, 80)  # which clips are tested
    name: str = "fake"
    params_type = WorkloadParams

    def train(self, job: Job, log: Any) -> None:
        rows = [{"epoch": epoch, "loss": 1 / (epoch + 1)} for epoch in range(self.epochs)]
        for row in rows:
            log(row["epoch"], row)
        self.checkpoint(job)

    def checkpoint(self, job: Job) -> None:
        files.write_bytes(job.folders.checkpoint / "weights", str(self.quality).encode())
        job.folders.history.parent.mkdir(parents=True, exist_ok=True)
        with job.folders.history.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["epoch", "loss"])
            writer.writerows([epoch, 1 / (epoch + 1)] for epoch in range(self.epochs))

    def evaluate(self, job: Job) -> None:
        table = predictions(self.quality, *self.clips)
        write_table(job.folders.predictions, table)
        right = float(table["ret1/numerator"].mean())
        metrics = {"ret1": metric(right, "higher", chance=0.1), "wer": metric(1 - right, "lower")}
        digest = files.digest_of(sorted(table.digest))
        files.write_json(job.folders.metrics, {"test_digest": digest, "test_clips": len(table), "metrics": metrics})
        files.write_bytes(job.folders.plots / "curve.png", b"no picture")

    def export(self, job: Job, target: Path) -> None:
        files.write_bytes(target / "encoder.onnx", b"graph " + str(self.quality).encode())
        files.write_json(target / "model_config.json", {"parity": {"encoder": self.parity}})


def metric(value: float, better: str, **baselines: float) -> dict[str, Any]:
    return {"value": value, "low": value - 0.05, "high": value + 0.05, "better": better, "baselines": baselines}


def predictions(quality: float, first: int, last: int) -> pd.DataFrame:
    """Clips ``first`` to ``last`` of 10 labels by 8 subjects; a better model answers the same clips and more."""
    numbers = np.arange(first, last)
    right = np.random.default_rng(3).random(1000)[numbers] < quality
    return pd.DataFrame(
        {
            "clip_id": [f"clip{number}" for number in numbers],
            "digest": [hashlib.sha256(str(number).encode()).hexdigest() for number in numbers],
            "subject": [f"s{number % 8}" for number in numbers],
            "label_id": numbers % 10,
            "ret1/numerator": right.astype(float),
            "ret1/denominator": 1.0,
            "wer/numerator": 3.0 * ~right,
            "wer/denominator": 3.0,
        }
    )


@functools.cache
def _database() -> Path:
    """MLflow's migrations once a process; every workspace gets a copy of what they made."""
    folder = Path(tempfile.mkdtemp(prefix="kinetrace-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    workspace = Workspace(folder)
    tracking.connect(workspace)
    return workspace.private / "mlflow.db"


def workspace(folder: Path, **promote: Any) -> Job:
    """A job of ``Fake(0.8)`` in a new workspace with an empty MLflow; ``promote`` changes the gates."""
    sections = PARAMS | {"promote": GATES | promote, "evaluate": PARAMS["evaluate"] | {"resamples": 200}}
    place = Workspace(folder)
    place.private.mkdir(parents=True)
    shutil.copy(_database(), place.private / "mlflow.db")
    place.params.write_text(yaml.safe_dump({"workloads": {"fake": {"raw": "data/raw"}}, "fake": sections}))
    (folder / "dvc.yaml").write_text("stages: {}\n")
    params = WorkloadParams.model_validate(sections)
    folders = place.of("fake")
    split = pd.DataFrame({"split": ["train", "train", "test"], "subject": ["a", "b", "c"], "label_id": [0, 1, 1]})
    write_table(folders.split_table, split)
    workload: Any = Fake(0.8)
    return Job(workload, folders, params, folder / "data" / "raw", 1)


def deliver(job: Job, model: Any) -> Job:
    """The job with ``model`` trained (outside MLflow, as DVC restores it), evaluated and exported."""
    job = replace(job, workload=model)
    model.checkpoint(job)
    model.evaluate(job)
    export.run(job)
    return job
