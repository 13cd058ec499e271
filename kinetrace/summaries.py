"""One pass over a clip's frames gives what both ``stats`` and ``motion`` need; kept by the clip's digest."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from kinetrace.clips import rows
from kinetrace.moments import Moments
from kinetrace.store import Store, reading
from kinetrace.workload import Clip, Job, Workload

MOTION_VALUES = 3


@dataclass(frozen=True)
class Summary:
    """Of one clip: moments of its features, and mean, 95th percentile and maximum of its motion energy a frame."""

    moments: Moments
    motion_mean: float
    motion_p95: float
    motion_max: float

    @classmethod
    def of(cls, workload: Workload, frames: np.ndarray) -> "Summary":
        """Of frames ``[T, F]``."""
        energy = workload.motion(frames)
        moments = Moments.of(*workload.features(frames))
        return cls(moments, float(energy.mean()), float(np.percentile(energy, 95)), float(energy.max()))

    def pack(self) -> bytes:
        """The raw bytes of its float64 values."""
        motion = [self.motion_mean, self.motion_p95, self.motion_max]
        return np.concatenate([motion, self.moments.count, self.moments.mean, self.moments.m2]).tobytes()

    @classmethod
    def unpack(cls, value: bytes) -> "Summary":
        """The inverse of ``pack``."""
        numbers = np.frombuffer(value, np.float64)
        mean, p95, largest = numbers[:MOTION_VALUES].tolist()
        return cls(Moments(*numbers[MOTION_VALUES:].reshape(3, -1)), mean, p95, largest)


def summaries(job: Job, clips: pd.DataFrame) -> Iterator[tuple[str, Summary]]:
    """(digest, summary) of each clip in the order of ``clips``; only clips never seen are read."""
    store = Store(job.folders.workspace.cache, "summary", reading(job, __name__))
    function = partial(summarize, job.workload, job.raw)
    for digest, value in store.map(function, rows(clips), job.jobs, "summaries"):
        yield digest, Summary.unpack(value)


def summarize(workload: Workload, raw: Path, clip: Clip) -> bytes:
    """The packed summary of one clip."""
    return Summary.of(workload, workload.read(raw, clip)).pack()
