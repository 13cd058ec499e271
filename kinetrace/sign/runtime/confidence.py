"""How sure an answer is: a softmax over the sentences and one candidate more, that it is none of them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Confidence:
    """``temperature`` of the softmax, in cosines; ``unknown``: the similarity that "none of them" has to any clip."""

    temperature: float
    unknown: float

    def of(self, fused_QL: np.ndarray) -> np.ndarray:
        """``[Q, L]``: the probability of each sentence; a row sums to 1 less the probability of none of them."""
        highest = np.maximum(fused_QL.max(1, keepdims=True), self.unknown)
        weights = np.exp((np.asarray(fused_QL, np.float64) - highest) / self.temperature)
        none = np.exp((self.unknown - highest) / self.temperature)
        probabilities: np.ndarray = weights / (weights.sum(1, keepdims=True) + none)
        return probabilities
