"""Test clips worth looking at, as film: one that is reconstructed as well as most, and the worst."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kinetrace.tokens.data.chunks import Chunks, assemble, positions
from kinetrace.tokens.evaluate import film as pictures

if TYPE_CHECKING:
    import pandas as pd

    from kinetrace.tokens.model.batches import Corpus
    from kinetrace.tokens.model.checkpoint import Checkpoint

SECONDS = 5.0  # of a clip that is longer: its middle


def median_and_worst(table: "pd.DataFrame") -> tuple[int, int]:
    """Rows of the predictions, by mean squared error; clips that show no part come first."""
    points = table["mse/denominator"].to_numpy()
    error = np.where(points > 0, table["mse/numerator"] / np.maximum(points, 1), -1)
    order = np.argsort(error, kind="stable")
    return int(order[len(order) // 2]), int(order[-1])


def film(target: Path, checkpoint: "Checkpoint", corpus: "Corpus", clip: int) -> None:
    """The clip beside its reconstruction as ``.gif``."""
    from kinetrace.shards import Shards
    from kinetrace.tokens.model.batches import Corpus
    from kinetrace.tokens.model.inference import decode, tokenized

    chosen = corpus.shards.clips.iloc[[clip]].reset_index(drop=True)
    (found,) = tokenized(checkpoint.model, Corpus.of(Shards(corpus.shards.folder, chosen), checkpoint.params))
    original, made = skeletons(found.chunks, decode(checkpoint.model, found.codes))
    fps, params = float(chosen.fps.iloc[0]), checkpoint.params
    frames, rows = excerpt(len(original), fps, params.stride)
    codes = {part: array[rows] for part, array in found.codes.items()}
    pictures.write(target, original[frames], made[frames], codes, checkpoint.spec, fps, params.stride, params.length)


def skeletons(chunks: Chunks, decoded: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Original and reconstruction, ``[T, 133, 3]`` in eye distances; both show the points that the original knows."""
    true = {part: positions(chunks, part) for part in decoded}
    made = {part: positions(chunks, part, values) for part, values in decoded.items()}
    return assemble(true), assemble({part: np.where(np.isnan(true[part]), np.nan, made[part]) for part in made})


def excerpt(frames: int, fps: float, stride: int) -> tuple[slice, slice]:
    """Frames of at most ``SECONDS`` from the clip's middle, from where a chunk begins; and the chunks of them."""
    wanted = min(frames, max(round(SECONDS * fps), 1))
    first = (frames - wanted) // 2 // stride * stride
    return slice(first, first + wanted), slice(first // stride, -(-(first + wanted) // stride))
