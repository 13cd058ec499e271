"""Random changes of a training clip, the same in all its frames; a pure function of (seed, epoch, clip id).

Shape suffixes: n frames, P pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from kinetrace import loop
from kinetrace.operations.params import AugmentParams

GREY = 114  # what lies beyond the picture's edge


@dataclass(frozen=True)
class Change:
    """``colours_3``: factors of red, green, blue; ``moved_23``: where a pixel comes from, an affine map; ``noise``:
    its spread in brightness."""

    colours_3: np.ndarray
    moved_23: np.ndarray
    noise: float

    @classmethod
    def draw(cls, params: AugmentParams, pixels: int, random: np.random.Generator) -> "Change":
        light, zoom, *shifts = random.uniform(-1, 1, 4)
        colours_3 = (1 + params.light * light) * (1 + params.colour * random.uniform(-1, 1, 3))
        scale = 1 + params.scale * zoom
        across, along = ((0.5 - scale / 2 + params.shift * shift) * pixels for shift in shifts)
        moved_23 = np.array([[scale, 0, across], [0, scale, along]])
        noise = params.noise * random.random()
        if random.random() < params.mirror:
            moved_23 = moved_23 @ np.array([[-1, 0, pixels - 1], [0, 1, 0], [0, 0, 1]])
        return cls(colours_3, moved_23, noise)


def generator(seed: int, epoch: int, clip_id: str) -> np.random.Generator:
    """All that is random about a clip in an epoch comes from it."""
    return np.random.default_rng(loop.hash_seed(seed, epoch, clip_id))


def jittered(places_n: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Each of the chosen frames moved at random, at most half the way to its neighbours, so that none is met.

    Args:
        places_n: of the chosen frames among ``count``, ascending.
        count: frames of the clip.
        random: the clip's generator.
    """
    edges = np.concatenate([[0], (places_n[1:] + places_n[:-1] + 1) // 2, [count]])
    low_n = np.maximum(edges[:-1], 2 * places_n - edges[1:] + 1)  # as far back as forward
    high_n = np.minimum(edges[1:], 2 * places_n - edges[:-1] + 1)
    moved_n: np.ndarray = random.integers(low_n, np.maximum(high_n, low_n + 1))
    return moved_n


def thinned(places_n: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    """As many places, but a ``share`` of them is left out, never the first, and those before them stand twice."""
    kept_n = random.random(len(places_n)) >= share
    last_n = np.maximum.accumulate(np.where(kept_n, np.arange(len(places_n)), 0))
    return places_n[last_n]


def changed(frames_nPP3: np.ndarray, change: Change, random: np.random.Generator) -> np.ndarray:
    """The frames under other light, by a camera that hangs elsewhere and sees worse; uint8 as before."""
    table_V3 = (np.arange(256)[:, None] * change.colours_3).clip(0, 255).round().astype(np.uint8)
    frames, pixels = len(frames_nPP3), frames_nPP3.shape[1]
    coloured = cv2.LUT(frames_nPP3.reshape(frames * pixels, pixels, 3), table_V3[None])
    moved = [_moved(frame, change.moved_23) for frame in coloured.reshape(frames_nPP3.shape)]
    return _noisy(np.stack(moved), change.noise, random)


def _moved(frame_PP3: np.ndarray, moved_23: np.ndarray) -> np.ndarray:
    size = frame_PP3.shape[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved: np.ndarray = cv2.warpAffine(frame_PP3, moved_23, size, flags=flags, borderValue=(GREY,) * 3)
    return moved


def _noisy(frames_nPP3: np.ndarray, noise: float, random: np.random.Generator) -> np.ndarray:
    """Noise of brightness, the same in the three colours."""
    if not noise:
        return frames_nPP3
    noise_nPP = random.standard_normal(frames_nPP3.shape[:3], np.float32) * np.float32(255 * noise)
    noisy_nPP3: np.ndarray = (frames_nPP3 + noise_nPP[..., None]).round().clip(0, 255).astype(np.uint8)
    return noisy_nPP3
