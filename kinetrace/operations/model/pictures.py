"""Pictures as the small network sees them, and what a sampler looks at."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from kinetrace.operations.data.samplers import choose
from kinetrace.operations.params import SamplerParams

LUMA = 56  # pixels of the brightness that samplers read


def fitted(frame_HW3: np.ndarray, pixels: int) -> np.ndarray:
    """A frame squeezed to ``pixels`` × ``pixels``, every source pixel counted."""
    resized: np.ndarray = cv2.resize(frame_HW3, (pixels, pixels), interpolation=cv2.INTER_AREA)
    return resized


def brightness(frames: Sequence[np.ndarray]) -> np.ndarray:
    """``[T, LUMA, LUMA]`` uint8 of RGB frames."""
    return np.stack([fitted(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), LUMA) for frame in frames])


def chosen(
    looked: Callable[[], np.ndarray], times_T: np.ndarray, params: SamplerParams,
    boundaries: Sequence[float] | None = None,
) -> np.ndarray:  # fmt: skip
    """Places of the frames that the sampler chooses, in order; all where there are no more than it wants.

    Args:
        looked: gives the clip's ``brightness``; it is not asked where the sampler looks at no picture.
        times_T: of all frames, seconds from the clip's start.
        params: the sampler.
        boundaries: seconds at which operations change, known in training alone.
    """
    if len(times_T) <= params.frames:
        return np.arange(len(times_T))
    luma_THW = np.zeros((len(times_T), 1, 1), np.uint8) if params.name == "uniform" else looked()
    return choose(luma_THW, times_T, params, boundaries)
