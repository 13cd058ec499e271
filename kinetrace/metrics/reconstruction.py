"""How close reconstructed motion is to the true one, as ratios of sums that clips contribute to.

Positions are ``[..., T, K, 2]`` in eye distances, masks ``[..., T, K]`` bool of the points that count (observed, not
padded); what lies outside the mask may be anything, NaN too. A clip is ``[T, K, 2]``, its chunks ``[N, L, K, 2]``.

The gates compare quotients of sums, so they take ``mse``; RMSE is its root (``root_ratio`` for the interval). The
root keeps the sign of the difference of two models in every resample, and so whether one is significantly worse.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinetrace.metrics.bootstrap import ratio


@dataclass(frozen=True)
class Ratio:
    """A clip's part in a metric: the metric of all clips is the sum of numerators over that of denominators."""

    numerator: float
    denominator: float

    def columns(self, metric: str) -> dict[str, float]:
        """As the columns of the predictions that gates and bootstrap read."""
        return {f"{metric}/numerator": self.numerator, f"{metric}/denominator": self.denominator}


def root_ratio(sums: np.ndarray) -> np.ndarray:
    """Sums ``[R, 2]`` to the root of their quotient ``[R]``: RMSE out of ``mse``, for ``bootstrap.interval``."""
    root: np.ndarray = np.sqrt(ratio(sums))
    return root


def mse(true: np.ndarray, made: np.ndarray, mask: np.ndarray) -> Ratio:
    """Mean squared Euclidean error of a point, in squared eye distances: sum of |made - true|^2, and points."""
    error = _squared(_gap(true, made, mask))
    return Ratio(float(error.sum()), float(mask.sum()))


def pck(true: np.ndarray, made: np.ndarray, mask: np.ndarray, threshold: float) -> Ratio:
    """Percentage of correct keypoints as a share: points at most ``threshold`` eye distances off, and points.

    (Yang and Ramanan 2013, "Articulated human detection with flexible mixtures of parts".)
    """
    near = mask & (_squared(_gap(true, made, mask)) <= threshold**2)
    return Ratio(float(near.sum()), float(mask.sum()))


def velocity_error(true: np.ndarray, made: np.ndarray, mask: np.ndarray, fps: float) -> Ratio:
    """Mean |difference of velocities| in eye distances a second, from frame to frame: its sum, and pairs of points.

    Both frames must be in the mask. ``fps`` 1 gives eye distances a frame.
    """
    both = mask[..., 1:, :] & mask[..., :-1, :]
    steps = np.diff(_gap(true, made, mask), axis=-3)
    return Ratio(float(np.sqrt(_squared(steps))[both].sum() * fps), float(both.sum()))


def unexplained_variance(true: np.ndarray, made: np.ndarray, mask: np.ndarray, rest: np.ndarray) -> Ratio:
    """1 - R^2: squared error over that of the motionless pose ``rest``, ``[K, 2]``; 0 is perfect, 1 no better.

    The figure to report takes the ``mean_pose`` of the training set, the best constant that a decoder can learn. The
    mean pose of the clip itself is a harder rival, as it knows who moves and how: what is then explained is movement
    alone (scikit-learn's ``r2_score`` with ``variance_weighted``).
    """
    constant = np.broadcast_to(np.asarray(rest, np.float64), true.shape)
    return Ratio(mse(true, made, mask).numerator, mse(true, constant, mask).numerator)


def mean_pose(clips: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> np.ndarray:
    """Each point's mean over all frames in which it counts, ``[K, 2]`` float64; 0 where there is none."""
    flat = [
        _masked(clip, mask).reshape(-1, *clip.shape[-2:]).sum(axis=0) for clip, mask in zip(clips, masks, strict=True)
    ]
    seen = [mask.reshape(-1, mask.shape[-1]).sum(axis=0) for mask in masks]
    mean: np.ndarray = np.sum(flat, axis=0) / np.maximum(np.sum(seen, axis=0), 1)[:, None]
    return mean


def acceleration_ratio(true: np.ndarray, made: np.ndarray, mask: np.ndarray) -> Ratio:
    """Temporal smoothness: mean |acceleration| of the reconstruction over that of the original, frame to frame.

    1 moves as the original does, less is smoother, more trembles. Three frames in a row must be in the mask.
    """
    three = mask[..., 2:, :] & mask[..., 1:-1, :] & mask[..., :-2, :]
    return Ratio(_acceleration(made, mask, three), _acceleration(true, mask, three))


def _acceleration(positions: np.ndarray, mask: np.ndarray, three: np.ndarray) -> float:
    """Sum of |second difference| over the points ``[..., T - 2, K]`` that count."""
    bends = np.diff(_masked(positions, mask), n=2, axis=-3)
    return float(np.sqrt(_squared(bends))[three].sum())


def _gap(true: np.ndarray, made: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """``made - true`` float64, 0 outside the mask.

    Raises:
        ValueError: the shapes do not go together.
    """
    if true.shape != made.shape or mask.shape != true.shape[:-1]:
        raise ValueError(
            f"true {true.shape}, made {made.shape}, mask {mask.shape}: expected [..., T, K, 2] twice, [..., T, K]"
        )
    return np.asarray(_masked(made, mask) - _masked(true, mask))


def _masked(positions: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """float64, 0 outside the mask."""
    return np.where(mask[..., None], np.asarray(positions, np.float64), 0.0)


def _squared(vectors: np.ndarray) -> np.ndarray:
    return np.asarray((vectors**2).sum(axis=-1))
