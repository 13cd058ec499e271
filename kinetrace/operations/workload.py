"""The ``operations`` workload as the stages see it; each method loads its module when it is called."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kinetrace.errors import KinetraceError
from kinetrace.files import digest_of
from kinetrace.operations.params import OperationsParams, validation
from kinetrace.workload import Clip, Job, Log, Rule, Workload

if TYPE_CHECKING:
    from kinetrace.importers.recording import Writer


class Operations:
    """Work steps in video."""

    name = "operations"
    layout = ("operations.csv|*/annotation/openpack-*/*.csv", "videos/*|*/kinect/color*/*")
    params_type = OperationsParams

    def writer(self) -> "Writer":
        from kinetrace.operations.data.writer import NO_LANDMARKS

        raise KinetraceError(NO_LANDMARKS)

    def twin(self, target: Path, params: OperationsParams) -> str:
        from kinetrace.twin import operations

        return operations.write(target, params.twin)

    def inspect(self, raw: Path, params: Any, jobs: int) -> pd.DataFrame:
        from kinetrace.operations.data import reader

        return reader.inspect(raw, validation(params), jobs)

    def contract(self, params: Any) -> list[Rule]:
        from kinetrace.operations.data import contract

        return contract.rules(validation(params))

    def read(self, raw: Path, clip: Clip) -> np.ndarray:
        from kinetrace.operations.data import reader

        return reader.read(raw, clip)

    def sample(self, raw: Path, clip: Clip) -> Mapping[str, bytes]:
        from kinetrace.operations.data import reader

        return reader.sample(raw, clip)

    def reading(self, raw: Path) -> str:
        from kinetrace.store import code_of

        return digest_of([code_of("kinetrace.operations.data.reader", "kinetrace.operations.data.features")])

    def features(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from kinetrace.operations.data import features

        return features.features(frames)

    def motion(self, frames: np.ndarray) -> np.ndarray:
        from kinetrace.operations.data import features

        return features.motion(frames)

    def train(self, job: Job, log: Log) -> None:
        from kinetrace.operations.train import kinds

        kinds.run(job, log)

    def evaluate(self, job: Job) -> None:
        from kinetrace.operations.evaluate import report

        report.run(job)

    def export(self, job: Job, target: Path) -> None:
        from kinetrace.operations.export import write

        write.run(job, target)


WORKLOAD: Workload = Operations()
