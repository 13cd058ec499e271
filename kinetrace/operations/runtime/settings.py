"""What a bundle says of its small network."""

from typing import Annotated

from pydantic import Field

from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.params import SamplerParams, Seconds
from kinetrace.params import Positive, Section


class Settings(Section):
    """``operations`` in a bundle's ``model_config.json``.

    ``labels`` in the order of the network's outputs; clips of ``seconds`` after at most ``context`` seconds, ``fps``
    moments a second; pictures of ``pixels`` × ``pixels``, chosen by ``sampler``.
    """

    labels: Annotated[list[str], Field(min_length=2)]
    fps: Seconds
    seconds: Seconds
    context: Annotated[float, Field(ge=0)]
    pixels: Positive
    sampler: SamplerParams

    @property
    def geometry(self) -> Geometry:
        """The grid of moments."""
        return Geometry(self.fps, self.seconds, self.context)
