"""A trained small network with all that is needed to use it."""

from dataclasses import asdict, dataclass
from pathlib import Path

from kinetrace import checkpoints
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.tcn import OperationsNet
from kinetrace.operations.params import ModelParams


@dataclass(frozen=True)
class Checkpoint:
    """The model in evaluation mode with its normalization, its parameters, the vocabulary, and the clips' geometry."""

    model: OperationsNet
    params: ModelParams
    labels: tuple[str, ...]
    geometry: Geometry

    def save(self, folder: Path) -> None:
        """Write the folder in one step."""
        config = {"model": self.params.model_dump(), "labels": list(self.labels), "geometry": asdict(self.geometry)}
        checkpoints.write(folder, self.model.state_dict(), config)

    @classmethod
    def load(cls, folder: Path) -> "Checkpoint":
        """Read what ``save`` wrote.

        Raises:
            KinetraceError: there is no checkpoint, or it cannot be used.
        """
        with checkpoints.read(folder) as (weights, config):
            params, geometry = ModelParams.model_validate(config["model"]), Geometry(**config["geometry"])
            labels = tuple(config["labels"])
            model = OperationsNet(params.tcn, geometry, len(labels))
            model.load_state_dict(weights)
            return cls(model.eval(), params, labels, geometry)
