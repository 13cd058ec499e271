"""Views of four clips, and augmentation parameters by name."""

from collections.abc import Sequence

import numpy as np
import torch

from kinetrace.sign.params import AugmentParams
from kinetrace.sign.train.augment import augment
from tests.sign.models import clip, pad

NOTHING = dict.fromkeys(AugmentParams.model_fields, 0.0)
EVERYTHING = AugmentParams(
    warp=0.4, frame_dropout=0.2, yaw=25.0, roll=10.0, scale=0.2, hand_scale=0.2, shift=0.2, noise=0.02,
    hand_dropout=0.5, mirror=0.5,
)  # fmt: skip
CLIPS = [clip(length, seed) for seed, length in enumerate([20, 7, 33, 2])]
NAMES = ["a", "b", "c", "d"]


def only(**changes: float) -> AugmentParams:
    return AugmentParams(**(NOTHING | changes))


def view(
    params: AugmentParams,
    clips: Sequence[np.ndarray] = CLIPS,
    names: Sequence[str] = NAMES,
    *,
    seed: int = 0,
    epoch: int = 0,
    number: int = 0,
) -> list[np.ndarray]:
    """What each clip becomes, without padding."""
    frames, lengths = augment(*pad(clips), names, params, seed, epoch, number)
    assert frames.shape[1] == lengths.max() and frames.dtype == torch.float32
    return [row[:length].numpy() for row, length in zip(frames, lengths.tolist(), strict=True)]
