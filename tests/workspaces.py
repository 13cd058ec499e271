"""A small real workload over ``.npy`` files, and workspaces for it: what shows that stages know no workload."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kinetrace import files
from kinetrace.clips import conform, write_table
from kinetrace.params import WorkloadParams
from kinetrace.tars import array
from kinetrace.workload import Clip, Job
from kinetrace.workspace import Workspace

WIDTH = 5
OWN = ("twin", "model", "loss", "augment", "train", "export")  # the sections that hold a workload's own fields
PARAMS: dict[str, Any] = {
    **{name: {} for name in OWN},
    "validate": {"max_quarantine_share": 0.2},
    "motion": {"floor": 0.05},
    "split": {
        "by": "subject",
        "val": 0.25,
        "test": 0.25,
        "seed": 7,
        "disjoint_subjects": "all",
        "disjoint_labels": "none",
    },
    "shards": {"count": 3},
    "evaluate": {"resamples": 10, "confidence": 0.95, "seed": 7},
    "promote": {"floors": {}, "ceilings": {}, "no_worse": [], "parity": 1e-4},
}


@dataclass(frozen=True)
class Walk:
    """Points that wander. NaN is "not observed". Every read is logged, so that tests can count them."""

    log: Path
    name: str = "walk"
    params_type = WorkloadParams

    def read(self, raw: Path, clip: Clip) -> np.ndarray:
        with self.log.open("a") as stream:
            stream.write(f"{clip['source']}\n")
        return np.load(raw / clip["source"], allow_pickle=False)

    def sample(self, raw: Path, clip: Clip) -> Mapping[str, bytes]:
        return array(self.read(raw, clip))

    def reading(self, raw: Path) -> str:
        layout = raw / "layout.json"
        return files.digest(layout) if layout.is_file() else ""

    def features(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return frames * 2, ~np.isnan(frames)

    def motion(self, frames: np.ndarray) -> np.ndarray:
        return np.linalg.norm(np.diff(np.nan_to_num(frames), axis=0, prepend=np.nan_to_num(frames[:1])), axis=1)

    def reads(self) -> list[str]:
        """The sources read since the last call."""
        lines = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines


def walk(folder: Path, changes: dict[str, Any] | None = None, jobs: int = 1) -> Job:
    """A job of ``Walk`` in a workspace under ``folder``; ``changes`` override sections of the parameters."""
    merged = {name: section | (changes or {}).get(name, {}) for name, section in PARAMS.items()}
    workload: Any = Walk(folder / "reads.log")
    raw = folder / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    return Job(workload, Workspace(folder).of("walk"), WorkloadParams.model_validate(merged), raw, jobs)


def write_clip(raw: Path, number: int, subjects: int = 8, labels: int = 4) -> dict[str, Any]:
    """One seeded clip on disk, and its row."""
    generator = np.random.default_rng(number)
    frames = generator.normal(size=(generator.integers(2, 9), WIDTH)).cumsum(0).astype(np.float32)
    frames[generator.random(frames.shape) < 0.1] = np.nan
    np.save(raw / f"{number:04d}.npy", frames)
    return {
        "clip_id": f"clip/{number:04d}.npy",
        "subject": f"s{number % subjects}",
        "session": "",
        "source": f"{number:04d}.npy",
        "start": 0.0,
        "end": len(frames) / 25,
        "num_frames": len(frames),
        "fps": 25.0,
        "label_id": number % labels,
        "label": f"label {number % labels}",
        "text": f"text ü {number % labels}",
        "digest": hashlib.sha256((raw / f"{number:04d}.npy").read_bytes()).hexdigest(),
        "mood": None if number % 2 else "calm",
    }


def deliver(job: Job, count: int, **columns: Any) -> pd.DataFrame:
    """Clips 0 to ``count`` in the job's raw folder and clip table, as ``validate`` would leave them."""
    table = conform(pd.DataFrame([write_clip(job.raw, number) for number in range(count)]).assign(**columns))
    write_table(job.folders.clips, table)
    return table


def tree(folder: Path) -> dict[str, str]:
    """SHA-256 of every file under ``folder`` by relative path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): files.digest(path) for path in paths}
