"""How much a picture moves: the mean length of dense optical flow from the picture before, at reduced size."""

from itertools import pairwise
from typing import Any, Literal

import cv2
import numpy as np

WIDTH = 160  # pixels; a picture is reduced to it
LEAST = 32  # pixels either way: with fewer rows OpenCV's DIS reads beyond a picture 160 wide
PYRAMID, LEVELS, WINDOW, ITERATIONS, NEIGHBOURS, SIGMA = 0.5, 3, 15, 3, 5, 1.2  # OpenCV's own example of Farneback


def motion(luma_THW: np.ndarray, method: Literal["dis", "farneback"]) -> np.ndarray:
    """``[T]`` float64 mean flow in pixels of a picture ``WIDTH`` wide; the first frame is given the second one's.

    ``dis``: Kroeger et al., Fast Optical Flow using Dense Inverse Search, 2016, in its ultrafast preset;
    ``farneback``: Farnebäck, Two-Frame Motion Estimation Based on Polynomial Expansion, 2003.
    """
    if len(luma_THW) < 2:
        return np.zeros(len(luma_THW))
    small = [reduced(luma_HW) for luma_HW in luma_THW]
    flows = (_flow(before, after, method) for before, after in pairwise(small))
    moved = [float(cv2.magnitude(flow[..., 0], flow[..., 1]).mean(dtype=np.float64)) for flow in flows]
    return np.array([moved[0], *moved])


def reduced(luma_HW: np.ndarray) -> np.ndarray:
    """The same picture ``WIDTH`` wide by area interpolation, where it is wider."""
    height, width = luma_HW.shape
    share = min(1.0, WIDTH / width)
    size = max(LEAST, round(width * share)), max(LEAST, round(height * share))
    small: np.ndarray = cv2.resize(luma_HW, size, interpolation=cv2.INTER_AREA)
    return small


def _flow(before_HW: np.ndarray, after_HW: np.ndarray, method: str) -> np.ndarray:
    """``[H, W, 2]`` float32."""
    if method == "dis":
        search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        found: np.ndarray = search.calc(before_HW, after_HW, None)
        return found
    flow_HW2: np.ndarray = np.zeros((*before_HW.shape, 2), np.float32)
    cv2.calcOpticalFlowFarneback(
        before_HW, after_HW, flow_HW2, PYRAMID, LEVELS, WINDOW, ITERATIONS, NEIGHBOURS, SIGMA, 0
    )
    return flow_HW2
