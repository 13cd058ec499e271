"""Count, mean and sum of squared deviations of each feature, mergeable in any grouping.

Chan, Golub & LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Moments:
    """Of observed values, each ``[F]`` float64: ``count``, ``mean``, and ``m2``, the sum of squared deviations."""

    count: np.ndarray
    mean: np.ndarray
    m2: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, observed: np.ndarray) -> "Moments":
        """Of ``values`` where ``observed`` (bool), both ``[T, F]``; what was not observed may even be NaN."""
        count = observed.sum(0, dtype=np.float64)
        kept = np.where(observed, values, np.float64(0))
        mean = kept.sum(0) / np.maximum(count, 1)
        np.subtract(kept, mean, out=kept, where=observed)
        return cls(count, mean, np.einsum("tf,tf->f", kept, kept))

    @classmethod
    def merge(cls, parts: Sequence["Moments"]) -> "Moments":
        """Of all ``parts`` together; deterministic for a given order.

        Raises:
            ValueError: there are no parts.
        """
        counts, means = np.stack([part.count for part in parts]), np.stack([part.mean for part in parts])
        count = counts.sum(0)
        mean = (counts * means).sum(0) / np.maximum(count, 1)
        between = (counts * np.square(means - mean)).sum(0)
        return cls(count, mean, between + np.stack([part.m2 for part in parts]).sum(0))

    @property
    def std(self) -> np.ndarray:
        """``[F]`` population standard deviation; 1 where nothing was observed, so that dividing by it is safe."""
        return np.where(self.count > 0, np.sqrt(self.m2 / np.maximum(self.count, 1)), 1.0)
