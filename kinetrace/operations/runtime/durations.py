"""How long an operation takes: log-normal by label, drawn towards all labels together, with a share of outliers."""

from collections.abc import Sequence
from math import ceil, erfc, exp, log, sqrt
from typing import Annotated

import numpy as np
from pydantic import Field

from kinetrace.params import Section

# Both from the likelihood of real durations (cooking, assembly, packing), each sequence left out in turn.
STRENGTH = 1.0  # segments that all labels together count for in a label's own durations
OUTLIERS = 0.03  # share of segments of any length: exponential, with the label's mean

LEAST = 0.04  # seconds: a frame at 25 a second, as short as annotations get
LEAST_SPREAD = 0.1  # so that two equal durations do not rule out every other
QUANTILE = 2.326  # standard deviations up to the 0.99 quantile
LONGEST = 1200  # frames that are told apart; from there on operations end at a constant rate
CERTAIN = 1e-12  # no hazard is closer to 0 or to 1

Above = Annotated[float, Field(gt=0)]


class Duration(Section):
    """``median`` in seconds; ``spread``: the standard deviation of the natural logarithm."""

    median: Above
    spread: Above

    @property
    def mean(self) -> float:
        """In seconds, outliers apart."""
        return self.median * exp(self.spread**2 / 2)

    @property
    def long(self) -> float:
        """The 0.99 quantile in seconds, outliers apart."""
        return self.median * exp(self.spread * QUANTILE)

    def beyond(self, seconds: float) -> float:
        """The probability of more than ``seconds``."""
        if seconds <= 0:
            return 1.0
        usual = erfc(log(seconds / self.median) / (self.spread * sqrt(2))) / 2
        return (1 - OUTLIERS) * usual + OUTLIERS * exp(-seconds / self.mean)


def fitted(seconds: Sequence[Sequence[float]]) -> tuple[Duration, ...]:
    """One a label, of its own durations and of ``STRENGTH`` segments as all labels have them; a label without any
    has those of all labels.

    Raises:
        ValueError: no label has a duration.
    """
    logs = [np.log(np.maximum(np.asarray(own, np.float64), LEAST)) for own in seconds]
    if not any(map(len, logs)):
        raise ValueError("no segment: expected at least one")
    together = np.concatenate(logs)
    centre, variance = float(together.mean()), float(together.var())
    return tuple(_drawn(own, centre, variance) for own in logs)


def _drawn(logs: np.ndarray, centre: float, variance: float) -> Duration:
    weight = len(logs) + STRENGTH
    mean = (logs.sum() + STRENGTH * centre) / weight
    spread = sqrt((((logs - mean) ** 2).sum() + STRENGTH * variance) / weight)
    return Duration(median=exp(mean), spread=max(spread, LEAST_SPREAD))


def hazards(durations: Sequence[Duration], fps: float) -> np.ndarray:
    """``[K, D]`` float64: the probability that an operation which lasts ``d + 1`` frames or more lasts no longer.

    From D frames on (the longest 0.99 quantile, ``LONGEST`` at most) it stays what it was at D. No value is 0 or 1.
    """
    frames = min(max(ceil(max(one.long for one in durations) * fps), 2), LONGEST)
    beyond = np.array([[one.beyond(frame / fps) for frame in range(frames + 1)] for one in durations])
    constant = np.array([[1 - exp(-1 / (fps * one.mean))] for one in durations])  # where nothing but outliers is left
    before = np.where(beyond[:, :-1] > 0, beyond[:, :-1], 1)
    found = np.where(beyond[:, :-1] > 0, 1 - beyond[:, 1:] / before, constant)
    return np.asarray(np.clip(found, CERTAIN, 1 - CERTAIN))


def remaining(hazards_KD: np.ndarray) -> np.ndarray:
    """``[K, D]`` float64: how many more frames, in the mean, an operation goes on that runs in its frame ``d + 1``."""
    found = np.empty_like(hazards_KD)
    found[:, -1] = (1 - hazards_KD[:, -1]) / hazards_KD[:, -1]
    for frame in range(hazards_KD.shape[1] - 2, -1, -1):
        found[:, frame] = (1 - hazards_KD[:, frame]) * (1 + found[:, frame + 1])
    return found
