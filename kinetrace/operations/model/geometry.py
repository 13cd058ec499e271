"""The moments of a clip: an even grid over its context and the clip proper, in seconds from the clip's start."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

MILLISECONDS = 3  # decimals of a clip's times


@dataclass(frozen=True)
class Geometry:
    """``fps`` moments a second: ``before`` of them in at most ``context`` seconds, ``inside`` in the clip proper."""

    fps: float
    seconds: float
    context: float

    @classmethod
    def of(cls, clips: pd.DataFrame) -> "Geometry":
        """Of clips that were cut alike; those at a recording's start have less context than the others."""
        first = clips.iloc[0]
        return cls(
            float(first.fps), round(float(first.end - first.start), MILLISECONDS),
            round(float(clips.context.max()), MILLISECONDS),
        )  # fmt: skip

    @property
    def before(self) -> int:
        return round(self.context * self.fps)

    @property
    def inside(self) -> int:
        return round(self.seconds * self.fps)

    @property
    def count(self) -> int:
        """N, of all moments."""
        return self.before + self.inside

    @property
    def times_N(self) -> np.ndarray:
        """Float32 seconds; the moment 0 of the clip proper is its start."""
        return ((np.arange(self.count) - self.before) / self.fps).astype(np.float32)

    def present_N(self, context: float) -> np.ndarray:
        """Bool: which moments a clip with ``context`` seconds before it has."""
        return np.arange(self.count) >= self.before - round(context * self.fps)

    def frame_times(self, count: int, context: float) -> np.ndarray:
        """``[count]`` float32: when the frames of such a clip are, of which the first is ``context`` before it."""
        return (np.arange(count) / self.fps - context).astype(np.float32)
