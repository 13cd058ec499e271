"""Models that look at the truth and not at pictures: what they are judged to be is known beforehand."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kinetrace.operations.data.recordings import NULL
from kinetrace.operations.data.sequences import segments
from kinetrace.operations.evaluate.timelines import true_labels
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.predicted import Predicted
from kinetrace.operations.params import ModelParams, SamplerParams
from kinetrace.shards import Shards
from tests.operations import squares


@dataclass(frozen=True)
class Knowing:
    """Right about everything with the share ``right`` of clips, and about moments with that of moments."""

    right: float = 1.0
    labels: tuple[str, ...] = squares.LABELS
    params: ModelParams = field(default_factory=lambda: squares.params().model)

    def predict(self, shards: Shards, sampler: SamplerParams | None = None) -> Predicted:
        return answers(shards.clips, self.right, self.labels)


def answers(clips: pd.DataFrame, right: float, labels: tuple[str, ...]) -> Predicted:
    """What such a model says of ``clips``."""
    random, geometry = np.random.default_rng(0), Geometry.of(clips)
    knows = random.random(len(clips)) < right
    spans = clips[["op_start", "op_end"]].to_numpy(np.float32).copy()
    spans[~knows] = [0.0, 0.1]
    moments = np.stack([_moments(clips, index, labels) for index in range(len(clips))])
    turned = np.where(random.random(moments.shape) < right, moments, (moments + 1) % len(labels))
    return Predicted(
        _sure(clips.label, labels, knows), spans, _sure(clips.next_label, labels, knows),
        np.eye(len(labels), dtype=np.float32)[turned] * 0.8 + np.float32(0.2 / len(labels)), geometry.fps,
    )  # fmt: skip


def _moments(clips: pd.DataFrame, index: int, labels: tuple[str, ...]) -> np.ndarray:
    """The place of what runs at each moment of a clip; the first label where nothing does."""
    clip = clips.iloc[[index]].assign(start=0.0)
    geometry = Geometry.of(clips)
    return np.maximum(true_labels(segments(clip), geometry.inside, geometry.fps, labels), 0)


def _sure(told: pd.Series, labels: tuple[str, ...], knows: np.ndarray) -> np.ndarray:
    places = np.array([labels.index(label) if label not in (NULL, "") else 0 for label in told])
    places = np.where(knows, places, (places + 1) % len(labels))
    return np.eye(len(labels), dtype=np.float32)[places] * 0.9 + np.float32(0.1 / len(labels))
