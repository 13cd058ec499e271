"""Clips of our own as shards, windows and tokenizers, for the tests of ``model`` and ``train``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from kinetrace.files import npy_bytes
from kinetrace.shards import Shards
from kinetrace.tokens.data.landmarks import POINTS
from kinetrace.tokens.model.batches import Corpus
from kinetrace.tokens.model.network import PoseTokenizer, Windows
from tests.tokens.settings import params

SHARD = "0.tar"
LENGTHS = (23, 4, 41, 10, 16)


def wander(frames: int, seed: int = 0, hidden: float = 0.0) -> np.ndarray:
    """``[T, 399]``: points that wander about the nose, eyes about 40 pixels apart; a share is under the threshold."""
    random = np.random.default_rng(seed)
    points = np.zeros((frames, POINTS, 3), np.float32)
    home = random.normal(0, 60, (POINTS, 2))
    home[:3] = (0, 0), (20, -20), (-20, -20)
    points[..., :2] = 256 + home + random.normal(0, 3, (frames, POINTS, 2)).cumsum(0)
    points[..., 2] = random.uniform(0.3, 1, (frames, POINTS))
    points[random.random((frames, POINTS)) < hidden, 2] = 0.1
    return points.reshape(frames, -1)


def shards(folder: Path, clips: Mapping[str, np.ndarray]) -> Shards:
    """One file that holds the clips' ``.npy`` files, and the table that says where."""
    contents = {name: npy_bytes(np.ascontiguousarray(frames, np.float32)) for name, frames in clips.items()}
    (folder / SHARD).write_bytes(b"".join(contents.values()))
    sizes = [len(content) for content in contents.values()]
    table = pd.DataFrame({"clip_id": list(clips), "num_frames": [len(frames) for frames in clips.values()]})
    places = {"shard": SHARD, "offset": np.cumsum([0, *sizes])[:-1], "size": sizes, "split": "train"}
    shapes = {"rows": table.num_frames, "width": 3 * POINTS}
    return Shards(folder, table.assign(**places, **shapes))


def corpus(folder: Path, clips: Mapping[str, np.ndarray], **changes: Any) -> Corpus:
    """``clips`` cut as the parameters of the tests say, with ``changes`` by dotted name."""
    return Corpus.of(shards(folder, clips), params(**changes).model)


def several(folder: Path, lengths: tuple[int, ...] = LENGTHS, hidden: float = 0.2, **changes: Any) -> Corpus:
    """Wandering clips of some lengths."""
    return corpus(folder, {f"clip {seed}": wander(n, seed, hidden) for seed, n in enumerate(lengths)}, **changes)


def tokenizer(codes: int = 16, **changes: Any) -> PoseTokenizer:
    """An untrained one with two levels, in evaluation mode, its scaling drawn at random."""
    chosen = params(**{"model__quantizer__levels": 2} | changes).model
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = PoseTokenizer(chosen, dict.fromkeys(chosen.parts, codes))
        for part in model.parts:
            model.get_buffer(f"mean_{part}").normal_()
            model.get_buffer(f"spread_{part}").fill_(1.5)
    return model.eval()


def random_windows(count: int, points: int, length: int = 10, seed: int = 0) -> Windows:
    """Windows with padding of every length and points that were never seen; what does not count is 0."""
    draw = torch.Generator().manual_seed(seed)
    values = torch.randn(count, length, points, 5, generator=draw)
    values[..., 2] = torch.rand(count, length, points, generator=draw)
    mask = torch.arange(length) < (torch.arange(count) % length + 1).flip(0)[:, None]
    known = torch.rand(count, points, generator=draw) < 0.8
    values[..., :2] *= known[:, None, :, None]
    values[..., 3:] *= known[:, None, :, None]
    return Windows(values, known, mask)
