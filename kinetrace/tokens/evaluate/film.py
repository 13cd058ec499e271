"""A clip as a moving skeleton: original beside reconstruction, and under them the strip of tokens."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinetrace.files import staged
from kinetrace.tokens.data.landmarks import POINTS
from kinetrace.tokens.model.codec.spec import Spec

if TYPE_CHECKING:
    from PIL.Image import Image

SHOWN_FPS = 15  # frames a second of the film, about
SAMPLES = 6  # frames that decide the palette
SHADES = 32  # of red, green and blue, among which it is chosen: five bits


def write(
    path: Path, original: np.ndarray, reconstructed: np.ndarray, codes: Mapping[str, np.ndarray], spec: Spec,
    fps: float, stride: int | None = None, length: int | None = None,
) -> None:  # fmt: skip
    """Write the film as ``.gif``; same content, same bytes, complete or absent.

    Args:
        path: the file.
        original: ``[T, 133, 3]``: x, y downward, in any unit; score, 0 where a point is hidden.
        reconstructed: the same of what the codes give back.
        codes: ``[N, Q]`` a part of ``spec``, -1 where absent.
        spec: parts, levels, codes.
        fps: frames a second of the clip.
        stride: frames from one chunk to the next; without it the chunks are spread evenly over the frames.
        length: frames of a chunk; without it as many as ``stride``. The chunks that hold a frame are marked.

    Raises:
        KinetraceError: the codes do not fit the spec.
        ValueError: there is no frame or no chunk, or the skeletons' shapes do not go together.
    """
    from kinetrace.tokens.evaluate.scene import Scene, Timing

    rows = spec.joined(codes).T
    wrong = original.shape != reconstructed.shape or original.shape[1:] != (POINTS, 3)
    if wrong or not len(original) or not rows.shape[1]:
        shapes = f"{original.shape} and {reconstructed.shape}, {rows.shape[1]} chunks"
        raise ValueError(f"skeletons {shapes}: expected [T, {POINTS}, 3] twice, at least a frame and a chunk")
    step = max(1, round(fps / SHOWN_FPS))
    timing = Timing(rows.shape[1], stride or len(original) / rows.shape[1], length or 0, fps)
    scene = Scene(original, reconstructed, rows, spec, timing)
    shown = range(0, len(original), step)
    palette = _Palette(scene.pixels(frame) for frame in shown[:: -(-len(shown) // SAMPLES)])
    images = (palette.image(scene.pixels(frame)) for frame in shown)
    with staged(path) as partial:
        next(images).save(
            partial, format="GIF", save_all=True, append_images=images, loop=0, optimize=False,
            duration=max(10 * round(100 * step / fps), 20),  # milliseconds: the format counts in hundredths of a second
        )  # fmt: skip


class _Palette:
    """The commonest 256 colours of some frames, for all: what does not move then costs nothing; white stays white."""

    def __init__(self, samples: Iterable[np.ndarray]) -> None:
        hits = np.sum([np.bincount(_coarse(pixels).ravel(), minlength=SHADES**3) for pixels in samples], axis=0)
        grid = np.stack(np.unravel_index(np.arange(SHADES**3), (SHADES,) * 3), axis=1).astype(np.float32)
        chosen = grid[np.argsort(-hits, kind="stable")[:256]]
        distance = np.square(chosen).sum(axis=1) - 2 * grid @ chosen.T  # less the square of each colour's own length
        self.nearest = distance.argmin(axis=1).astype(np.uint8)
        self.content = (chosen * 255 / (SHADES - 1)).round().astype(np.uint8).tobytes()

    def image(self, pixels: np.ndarray) -> "Image":
        from PIL import Image

        image = Image.fromarray(self.nearest[_coarse(pixels)])
        image.putpalette(self.content)
        return image


def _coarse(pixels: np.ndarray) -> np.ndarray:
    """``[H, W, 3]`` uint8 to ``[H, W]`` uint16: five bits of red, green and blue each, the number of a colour."""
    red, green, blue = (pixels[..., channel].astype(np.uint16) >> 3 for channel in range(3))
    return np.asarray(red << 10 | green << 5 | blue)
