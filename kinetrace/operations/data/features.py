"""What the statistics and the motion filter compute of a clip's thumbnails."""

import numpy as np

SIDE = 16  # pixels of a thumbnail: what moves by a hand's breadth shows
WIDTH = SIDE * SIDE * 3


def features(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The thumbnails themselves and that all of them was seen, both ``[T, 768]``; their mean is the mean picture."""
    return frames, np.ones_like(frames, bool)


def motion(frames: np.ndarray) -> np.ndarray:
    """``[T]`` float64: mean change of a thumbnail's values since the frame before, of a range of 1; the first is 0."""
    energy = np.zeros(len(frames))
    energy[1:] = np.abs(np.diff(frames.astype(np.float64), axis=0)).mean(axis=1)
    return energy
