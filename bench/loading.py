"""Clips from disk to an augmented batch of two views: shards and whole batches against one ``.npy`` at a time.

Two peers, both a ``torch`` Dataset whose items load one file: ``per item`` calls the very same augmentation on a batch
of one, ``per item, plain`` does the same changes in NumPy frame by frame, as notebooks do.

python -m bench loading
"""

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from bench.data import twin_job, two_cores
from kinetrace.shards import Shards
from kinetrace.sign.data.landmarks import LEFT_SHOULDER, PARTS, RIGHT_SHOULDER, VALUES_A_POINT, WIDTH, columns
from kinetrace.sign.model.batches import Corpus, balanced_batches
from kinetrace.sign.params import AugmentParams, SignParams
from kinetrace.sign.train.augment import two_views

REPEATS, BATCHES = 5, 6


def plain_view(frames: np.ndarray, view: int, params: AugmentParams, generator: np.random.Generator) -> np.ndarray:
    """One augmented view of one clip, written as one would first write it: loops over values and frames."""
    speed = 1 + generator.uniform(-params.warp, params.warp)
    places = np.arange(view, len(frames) / speed, 2) * speed
    places = places[places <= len(frames) - 1]
    warped = np.empty((len(places), WIDTH), np.float32)
    for value in range(WIDTH):
        warped[:, value] = np.interp(places, np.arange(len(frames)), frames[:, value])
    yaw, roll = np.radians(generator.uniform(-params.yaw, params.yaw)), np.radians(params.roll)
    roll = generator.uniform(-roll, roll)
    scale = 1 + generator.uniform(-params.scale, params.scale, 2)
    left, right = columns("pose", LEFT_SHOULDER), columns("pose", RIGHT_SHOULDER)
    for frame in warped:
        centre = (frame[left][:3] + frame[right][:3]) / 2
        unit = math.dist(frame[left][:2], frame[right][:2])
        for name, part in PARTS.items():
            points = frame[part].reshape(-1, VALUES_A_POINT[name])
            if not points.any():
                continue
            origin = centre if name == "pose" else points[0, :3].copy()
            x, z = (points[:, 0] - origin[0]).copy(), (points[:, 2] - origin[2]).copy()
            points[:, 0] = origin[0] + x * math.cos(yaw) + z * math.sin(yaw)
            points[:, 2] = origin[2] + z * math.cos(yaw) - x * math.sin(yaw)
            x, y = points[:, 0] - centre[0], points[:, 1] - centre[1]
            points[:, 0] = centre[0] + scale[0] * (x * math.cos(roll) - y * math.sin(roll))
            points[:, 1] = centre[1] + scale[1] * (x * math.sin(roll) + y * math.cos(roll))
            points[:, :3] += generator.normal(0, params.noise * unit, (len(points), 3))
        if generator.random() < params.frame_dropout:
            frame[:] = 0
    return warped


class PerItem(torch.utils.data.Dataset):
    """One ``.npy`` an item, loaded and augmented by itself."""

    def __init__(self, raw: Path, corpus: Corpus, augment: Callable[[np.ndarray, str], list[torch.Tensor]]) -> None:
        self.paths = [raw / source for source in corpus.shards.clips.source]
        self.names, self.augment = corpus.clip_ids, augment

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> list[torch.Tensor]:
        return self.augment(np.load(self.paths[index], allow_pickle=False), self.names[index])


def collate(items: Sequence[list[torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """All views 0, then all views 1, padded."""
    views = [item[0] for item in items] + [item[1] for item in items]
    return pad_sequence(views, batch_first=True), torch.tensor([len(view) for view in views])


def main() -> None:
    """Print clips a second and the ratios."""
    two_cores()
    with tempfile.TemporaryDirectory() as name:
        job = twin_job(Path(name))
        params: SignParams = job.params
        corpus = Corpus.of(Shards.open(job.folders.shards).subset("train"), params.model.max_frames)
        generator = np.random.default_rng(0)

        def ours(indices: np.ndarray) -> object:
            frames, lengths = corpus.batch(indices)
            return two_views(frames, lengths, [corpus.clip_ids[i] for i in indices], params.augment, 7, 0)

        def same(frames: np.ndarray, clip_id: str) -> list[torch.Tensor]:
            views, lengths = two_views(
                torch.from_numpy(frames)[None], torch.tensor([len(frames)]), [clip_id], params.augment, 7, 0
            )
            return [view[:length] for view, length in zip(views, lengths.tolist(), strict=True)]

        def plain(frames: np.ndarray, _: str) -> list[torch.Tensor]:
            return [torch.from_numpy(plain_view(frames, view, params.augment, generator)) for view in (0, 1)]

        ways = {"shards, whole batches": ours}
        for label, augment in (("per item", same), ("per item, plain", plain)):
            items = PerItem(job.raw, corpus, augment)
            ways[label] = lambda indices, items=items: collate([items[int(index)] for index in indices])
        batches = balanced_batches(corpus.labels, corpus.lengths, 16, 2, 7, 0)[:BATCHES]
        rates = measure(ways, batches)
    for label, rate in rates.items():
        print(f"{label:<22} {rate:8,.0f} clips/s")
    fastest = rates.pop("shards, whole batches")
    for label, rate in rates.items():
        print(f"shards and whole batches against {label}: {fastest / rate:.1f} times as fast")


def measure(ways: dict[str, Callable[[np.ndarray], object]], batches: list[np.ndarray]) -> dict[str, float]:
    """Median clips a second of each way, the ways in turn."""
    rates: dict[str, list[float]] = {label: [] for label in ways}
    for _ in range(REPEATS):
        for label, load in ways.items():
            start = time.perf_counter()
            for indices in batches:
                load(indices)
            rates[label].append(sum(map(len, batches)) / (time.perf_counter() - start))
    return {label: statistics.median(values) for label, values in rates.items()}


if __name__ == "__main__":
    main()
