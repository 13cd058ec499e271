"""The two kinds of model behind one door: what evaluation asks of either."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kinetrace.operations.model import inference
from kinetrace.operations.model.checkpoint import Checkpoint
from kinetrace.operations.model.predicted import Predicted
from kinetrace.operations.params import ModelParams, SamplerParams
from kinetrace.shards import Shards


class Model(Protocol):
    """A trained model: its parameters, its vocabulary, and what it says of clips."""

    @property
    def params(self) -> ModelParams: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def stages(self) -> Mapping[str, float]:
        """How the replies of the last ``predict`` were read, as shares; empty of a model that does not reply."""

    def predict(self, shards: Shards, sampler: SamplerParams | None = None) -> Predicted:
        """Of every clip of ``shards`` in order, through the model's own sampler or another one."""


@dataclass(frozen=True)
class Small:
    """The small network."""

    checkpoint: Checkpoint

    @property
    def params(self) -> ModelParams:
        return self.checkpoint.params

    @property
    def labels(self) -> tuple[str, ...]:
        return self.checkpoint.labels

    @property
    def stages(self) -> Mapping[str, float]:
        return {}

    def predict(self, shards: Shards, sampler: SamplerParams | None = None) -> Predicted:
        """Of every clip of ``shards`` in order."""
        return inference.predict(self.checkpoint, shards, sampler)


def load(folder: Path, kind: str, cache: Path | None = None) -> Model:
    """The model of a checkpoint; ``cache``: a folder for what is dear to compute again.

    Raises:
        KinetraceError: there is no checkpoint, or it cannot be used.
    """
    if kind == "vlm":
        from kinetrace.operations.model.vlm.answering import Answering

        return Answering.load(folder, cache)
    return Small(Checkpoint.load(folder))
