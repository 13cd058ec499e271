"""The ``tokens`` workload as the stages see it; each method loads its module when it is called."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kinetrace.files import digest_of
from kinetrace.tokens.params import TokensParams
from kinetrace.workload import Clip, Job, Log, Rule, Workload

if TYPE_CHECKING:
    from kinetrace.importers.recording import Writer


class Tokens:
    """Pose sequences as discrete tokens."""

    name = "tokens"
    layout = ("annotations.json", "layout.json", "split_files.json", "frames_512x512/*.npy")
    params_type = TokensParams

    def writer(self) -> "Writer":
        from kinetrace.tokens.data import writer

        return writer

    def twin(self, target: Path, params: TokensParams) -> str:
        from kinetrace.twin import tokens

        return tokens.write(target, params.twin)

    def inspect(self, raw: Path, params: Any, jobs: int) -> pd.DataFrame:
        from kinetrace.tokens.data import reader

        return reader.inspect(raw, jobs)

    def contract(self, params: Any) -> list[Rule]:
        from kinetrace.tokens.data import contract

        return contract.rules()

    def read(self, raw: Path, clip: Clip) -> np.ndarray:
        from kinetrace.tokens.data import reader

        return reader.read(raw, clip)

    def sample(self, raw: Path, clip: Clip) -> Mapping[str, bytes]:
        from kinetrace.tars import array

        return array(self.read(raw, clip))

    def reading(self, raw: Path) -> str:
        from kinetrace.store import code_of

        # ``layout.json`` gives the frame rate alone, which no clip's values depend on.
        return digest_of([code_of("kinetrace.tokens.data.reader", "kinetrace.tokens.data.features")])

    def features(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from kinetrace.tokens.data import features

        return features.features(frames)

    def motion(self, frames: np.ndarray) -> np.ndarray:
        from kinetrace.tokens.data import features

        return features.motion(frames)

    def train(self, job: Job, log: Log) -> None:
        from kinetrace.tokens.train import trainer

        trainer.run(job, log)

    def evaluate(self, job: Job) -> None:
        from kinetrace.tokens.evaluate import report

        report.run(job)

    def export(self, job: Job, target: Path) -> None:
        from kinetrace.tokens.export import write

        write.run(job, target)


WORKLOAD: Workload = Tokens()
