"""The ``sign`` workload as the stages see it; each method loads its module when it is called."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kinetrace.files import digest_of
from kinetrace.sign.params import SignParams
from kinetrace.workload import Clip, Job, Log, Rule, Workload

if TYPE_CHECKING:
    from kinetrace.importers.recording import Writer


class Sign:
    """Sentences of sign language."""

    name = "sign"
    layout = ("layout.json", "metadata.csv", "features/*.npy")
    params_type = SignParams

    def writer(self) -> "Writer":
        from kinetrace.sign.data import writer

        return writer

    def twin(self, target: Path, params: SignParams) -> str:
        from kinetrace.twin import sign

        return sign.write(target, params.twin)

    def inspect(self, raw: Path, params: Any, jobs: int) -> pd.DataFrame:
        from kinetrace.sign.data import reader

        return reader.inspect(raw, jobs)

    def contract(self, params: Any) -> list[Rule]:
        from kinetrace.sign.data import contract

        return contract.rules()

    def read(self, raw: Path, clip: Clip) -> np.ndarray:
        from kinetrace.sign.data import reader

        return reader.read(raw, clip)

    def sample(self, raw: Path, clip: Clip) -> Mapping[str, bytes]:
        from kinetrace.tars import array

        return array(self.read(raw, clip))

    def reading(self, raw: Path) -> str:
        from kinetrace.sign.data import reader
        from kinetrace.store import code_of

        code = code_of("kinetrace.sign.data.reader", "kinetrace.sign.data.features")
        return digest_of([code, reader.layout(raw).model_dump()])

    def features(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from kinetrace.sign.data import features

        return features.features(frames)

    def motion(self, frames: np.ndarray) -> np.ndarray:
        from kinetrace.sign.data import features

        return features.motion(frames)

    def train(self, job: Job, log: Log) -> None:
        from kinetrace.sign.train import trainer

        trainer.run(job, log)

    def evaluate(self, job: Job) -> None:
        from kinetrace.sign.evaluate import report

        report.run(job)

    def export(self, job: Job, target: Path) -> None:
        from kinetrace.sign.export import graphs

        graphs.run(job, target)


WORKLOAD: Workload = Sign()
