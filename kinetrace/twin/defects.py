"""How a clip's file is delivered: sound, or broken in one of the ways that real deliveries are."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kinetrace.files import npy_bytes


@dataclass(frozen=True)
class File:
    """``content`` is None where there is no file and its path leads outside; ``num_frames`` as the index claims."""

    content: bytes | None
    num_frames: int


def delivered(frames: np.ndarray, defect: str, holes: slice) -> File:
    """The file of ``[T, ...]`` frames; ``holes``: where in a frame (axis 1) numbers are lost, if that is the defect."""
    return BROKEN.get(defect, _sound)(frames, holes)


def _sound(frames: np.ndarray, holes: slice) -> File:
    return File(npy_bytes(frames), len(frames))


def _truncated(frames: np.ndarray, holes: slice) -> File:
    content = npy_bytes(frames)
    return File(content[: len(content) * 2 // 3], len(frames))


def _not_a_number(frames: np.ndarray, holes: slice) -> File:
    holed = frames.copy()
    holed[len(frames) // 2, holes] = np.nan
    return File(npy_bytes(holed), len(frames))


def _narrow(frames: np.ndarray, holes: slice) -> File:
    return File(npy_bytes(frames[..., :-1]), len(frames))


def _empty(frames: np.ndarray, holes: slice) -> File:
    return File(b"", len(frames))


def _pickled(frames: np.ndarray, holes: slice) -> File:
    """Harmless, but a file that only a loader that would execute anything can open."""
    objects = np.empty(len(frames), object)
    objects[:] = [{"frame": number} for number in range(len(frames))]
    buffer = io.BytesIO()
    np.save(buffer, objects, allow_pickle=True)
    return File(buffer.getvalue(), len(frames))


def _outside(frames: np.ndarray, holes: slice) -> File:
    return File(None, len(frames))


def _miscounted(frames: np.ndarray, holes: slice) -> File:
    return File(npy_bytes(frames), len(frames) + 7)


BROKEN: dict[str, Callable[[np.ndarray, slice], File]] = {
    "truncated": _truncated,
    "not a number": _not_a_number,
    "wrong width": _narrow,
    "empty": _empty,
    "pickled": _pickled,
    "path outside": _outside,
    "wrong num_frames": _miscounted,
}
