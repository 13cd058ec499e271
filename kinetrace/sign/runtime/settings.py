"""What a bundle's ``model_config.json`` says of answering and refusing."""

from typing import Annotated

from pydantic import Field

from kinetrace.params import Positive, Section
from kinetrace.sign.params import FusionParams
from kinetrace.sign.runtime import confidence, gates


class Thresholds(Section):
    """The least that each gate lets pass; see ``gates``."""

    motion: float
    similarity: float
    margin: float
    agreement: float


class Confidence(Section):
    """See ``confidence``."""

    temperature: Annotated[float, Field(gt=0)]
    unknown: float


class Refusal(Section):
    """When an answer is refused, and how sure it is."""

    thresholds: Thresholds
    confidence: Confidence


class Settings(Section):
    """``extractor``: what found the landmarks of the training clips, where that is known."""

    max_frames: Positive
    fusion: FusionParams
    refusal: Refusal
    extractor: str | None

    @property
    def thresholds(self) -> gates.Thresholds:
        """For ``gates.passed``."""
        return gates.Thresholds(**self.refusal.thresholds.model_dump())

    @property
    def confidence(self) -> confidence.Confidence:
        """For the probabilities of the sentences."""
        return confidence.Confidence(**self.refusal.confidence.model_dump())
