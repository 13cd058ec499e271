"""How close a clip's reconstruction comes to it, part by part, beside rivals that any tokenizer must beat.

Positions are ``[T, K, 2]`` in eye distances on the clip's own frames, after overlapping chunks are joined; only
points that the detector saw count, never those that were filled in.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kinetrace.metrics import reconstruction
from kinetrace.metrics.reconstruction import Ratio
from kinetrace.tokens.data.chunks import Chunks, joined, positions
from kinetrace.tokens.model.inference import Tokenized, autoencode, decode
from kinetrace.tokens.model.network import PoseTokenizer

MODEL = "model"
RIVALS = ("mean_pose", "clip_mean", "unquantized")  # the training mean, the clip's own mean, the network without codes
Ratios = dict[str, Ratio]  # by metric, ``mse`` over all parts and ``face/mse`` of one


@dataclass(frozen=True)
class Measure:
    """How clips are measured: a point counts as seen from ``score_threshold`` on, as correct within ``pck``."""

    score_threshold: float
    pck: float


def scored(model: PoseTokenizer, found: Tokenized, fps: float, measure: Measure) -> dict[str, Ratios]:
    """The clip's part in each metric, of the model and of each of ``RIVALS``."""
    chunks = found.chunks
    coded, plain = decode(model, found.codes), autoencode(model, chunks)
    ratios: dict[str, Ratios] = {who: {} for who in (MODEL, *RIVALS)}
    for part in chunks.values:
        true, seen = positions(chunks, part), observed(chunks, part, measure.score_threshold)
        rest = model.scaling(part).mean.numpy()
        made = {
            MODEL: positions(chunks, part, coded[part]),
            "unquantized": positions(chunks, part, plain[part]),
            "mean_pose": np.broadcast_to(rest, true.shape),
            "clip_mean": np.broadcast_to(reconstruction.mean_pose([true], [seen]), true.shape),
        }
        for who in ratios:
            of_part = measures(true, made[who], seen, rest, fps, measure)
            ratios[who] |= {f"{part}/{name}": ratio for name, ratio in of_part.items()}
    return {who: total(of_parts) | of_parts for who, of_parts in ratios.items()}


def observed(chunks: Chunks, part: str, threshold: float) -> np.ndarray:
    """``[T, K]`` bool: points that the detector saw in a frame, where the part is present."""
    seen = (chunks.values[part][..., 2:3] >= np.float32(threshold)).astype(np.float32)
    found: np.ndarray = joined(seen, chunks.mask, chunks.starts, chunks.present[part][:, None])[..., 0] > 0.5
    return found


def measures(
    true: np.ndarray, made: np.ndarray, seen: np.ndarray, rest: np.ndarray, fps: float, measure: Measure
) -> Ratios:
    """One part of one clip; ``rest`` ``[K, 2]`` is the training mean."""
    return {
        "mse": reconstruction.mse(true, made, seen),
        "pck": reconstruction.pck(true, made, seen, measure.pck),
        "velocity_error": reconstruction.velocity_error(true, made, seen, fps),
        "unexplained_variance": reconstruction.unexplained_variance(true, made, seen, rest),
        "acceleration_ratio": reconstruction.acceleration_ratio(true, made, seen),
    }


def total(of_parts: Mapping[str, Ratio]) -> Ratios:
    """All parts together, each point as heavy as any other."""
    sums: dict[str, Ratio] = {}
    for name, ratio in of_parts.items():
        metric = name.split("/")[1]
        so_far = sums.get(metric, Ratio(0.0, 0.0))
        sums[metric] = Ratio(so_far.numerator + ratio.numerator, so_far.denominator + ratio.denominator)
    return sums
