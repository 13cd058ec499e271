"""What a family of vision-language models expects of pictures."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from kinetrace.errors import KinetraceError

Triple = tuple[float, float, float]

# Mean and spread of brightness by model type, as in the ``preprocessor_config.json`` of the published models.
NORMS: dict[str, tuple[Triple, Triple]] = {
    "qwen2_5_vl": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "qwen3_vl": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


@dataclass(frozen=True)
class Family:
    """Pictures become patches of ``patch`` × ``patch`` pixels in ``temporal`` frames; ``merge`` × ``merge`` of them
    become one cell, which is one token; brightness in [0, 1] is normalized by ``mean`` and ``spread``; ``timed``:
    temporal positions inside a video follow seconds."""

    name: str
    patch: int
    merge: int
    temporal: int
    mean: Triple
    spread: Triple
    timed: bool

    @classmethod
    def of(cls, config: Any) -> "Family":
        """By the configuration of a model.

        Raises:
            KinetraceError: another kind of model.
        """
        if config.model_type not in NORMS:
            raise KinetraceError(
                f"model.vlm.name: a model of type {config.model_type!r}, expected one of {', '.join(NORMS)}: "
                "name Qwen2.5-VL or Qwen3-VL"
            )
        vision = config.vision_config
        mean, spread = NORMS[config.model_type]
        return cls(
            config.model_type,
            vision.patch_size,
            vision.spatial_merge_size,
            vision.temporal_patch_size,
            mean,
            spread,
            hasattr(vision, "tokens_per_second"),
        )

    def side(self, pixels: int) -> int:
        """Cells along each side of a picture of about ``pixels``: as many whole ones as it holds.

        Raises:
            KinetraceError: not even one.
        """
        if pixels < self.patch * self.merge:
            raise KinetraceError(f"model.vlm.pixels: {pixels}, expected {self.patch * self.merge} or more")
        return pixels // (self.patch * self.merge)

    def patches(self, frames_nHW3: np.ndarray, pixels: int) -> np.ndarray:
        """Patches of uint8 RGB frames, ``[P * (merge * side)², 3 * temporal * patch²]`` float32.

        ``temporal`` frames at a time fuse into one of P; the last frame is repeated to fill the last one, as in the
        published processors. The order is cell by cell, and within a cell row by row.
        """
        merge, patch, side = self.merge, self.patch, self.side(pixels)
        frames = np.stack([_resized(frame, side * merge * patch) for frame in frames_nHW3])
        frames = np.concatenate([frames, np.repeat(frames[-1:], -len(frames) % self.temporal, axis=0)])
        mean, spread = np.array(self.mean, np.float32), np.array(self.spread, np.float32)
        normal = (frames.astype(np.float32) / 255 - mean) / spread
        parts = normal.reshape(-1, self.temporal, side, merge, patch, side, merge, patch, 3)
        ordered = parts.transpose(0, 2, 5, 3, 6, 8, 1, 4, 7)  # pair, row, column, row and column in the cell, channel …
        return np.ascontiguousarray(ordered.reshape(-1, 3 * self.temporal * patch**2))


def _resized(frame_HW3: np.ndarray, pixels: int) -> np.ndarray:
    """The frame as ``pixels`` × ``pixels``, bicubic as in the published processors."""
    from PIL import Image

    if frame_HW3.shape[:2] == (pixels, pixels):
        return frame_HW3
    return np.asarray(Image.fromarray(frame_HW3).resize((pixels, pixels), Image.Resampling.BICUBIC))
