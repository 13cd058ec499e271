"""What a model of either kind says of clips, as arrays: the one form that evaluation and grammar read."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Predicted:
    """Of C clips over K labels in the order of the vocabulary.

    ``operation_CK``: probability of the clip's operation; ``span_C2``: its start and end in seconds from the clip's
    start; ``next_CK``: probability of the operation after it; ``frames_CTK``: probability of the operation at each
    of T moments of the clip proper, evenly spaced at ``fps`` (context left out). All float32.
    """

    operation_CK: np.ndarray
    span_C2: np.ndarray
    next_CK: np.ndarray
    frames_CTK: np.ndarray
    fps: float

    def take(self, places: np.ndarray) -> "Predicted":
        """Of some clips: their places or a mask ``[C]``."""
        return Predicted(
            self.operation_CK[places], self.span_C2[places], self.next_CK[places], self.frames_CTK[places], self.fps
        )
