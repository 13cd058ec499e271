"""Random changes of training windows; what a window gets is a pure function of (seed, epoch, clip id, first frame).

A clip's geometry (mirror, speed, turn, proportions) is the same in all its windows, so that neighbours fit together;
noise and hidden points differ, and the network is to see through them.
Shape suffixes: W windows, L frames, P = 133 points, F = 399 raw values, 3: x, y, score.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kinetrace.tokens.data.chunks import planes, units
from kinetrace.tokens.data.landmarks import CENTRES, EYES, mirror
from kinetrace.tokens.model.batches import Corpus, Plan
from kinetrace.tokens.params import AugmentParams

NUMBERS = 6  # a clip
KEPT = sorted({*EYES, *CENTRES.values()})  # hiding these would say that a part is absent


@dataclass(frozen=True)
class Draws:
    """Of every clip, each ``[clips]``: ``phase`` and ``mirrored`` in [0, 1), the others in [-1, 1)."""

    phase: np.ndarray
    mirrored: np.ndarray
    speed: np.ndarray
    turn: np.ndarray
    across: np.ndarray
    along: np.ndarray

    @classmethod
    def of(cls, seed: int, epoch: int, clip_ids: Iterable[str]) -> "Draws":
        """A pure function of its arguments, clip by clip."""
        numbers = np.array([generator(seed, epoch, name).random(NUMBERS) for name in clip_ids]).reshape(-1, NUMBERS)
        return cls(numbers[:, 0], numbers[:, 1], *(2 * numbers[:, 2:] - 1).T)


def generator(*names: int | str) -> np.random.Generator:
    """A generator of its own for every combination of ``names``."""
    key = hashlib.blake2b(repr(names).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def shuffled(corpus: Corpus, draws: Draws, params: AugmentParams, seed: int, epoch: int, run: int = 1) -> Plan:
    """Every clip cut once at its own speed, from another frame in each epoch, in random order.

    ``run`` windows of a clip that follow each other stay together.
    """
    plan = corpus.plan((draws.phase * corpus.params.stride).astype(int), 1 + params.warp * draws.speed)
    place_W = np.arange(len(plan)) - np.searchsorted(plan.clips, plan.clips)  # of each window in its clip
    group_W = np.cumsum(place_W % run == 0) - 1
    lot = np.random.default_rng([seed, epoch]).permutation(group_W.max(initial=-1) + 1)
    return plan.take(np.argsort(lot[group_W], kind="stable"))


def placed(frames_WLF: np.ndarray, clips_W: np.ndarray, draws: Draws, params: AugmentParams) -> np.ndarray:
    """The same movement of another body, ``[W, L, 133, 3]``: mirrored, turned in the image, with other proportions."""
    points_WLP3 = planes(frames_WLF).copy("K")
    planes_3WLP = np.moveaxis(points_WLP3, -1, 0)
    other_W = draws.mirrored[clips_W] < params.mirror
    planes_3WLP[:, other_W] = planes_3WLP[:, other_W][..., mirror()]
    planes_3WLP[0, other_W] *= -1
    angle_W = np.radians(params.rotate) * draws.turn[clips_W]
    across_W, along_W = (1 + params.scale * draw[clips_W] for draw in (draws.across, draws.along))
    turned_WLP3 = points_WLP3.copy("K")
    turned_WLP3[..., 0] = _mixed(points_WLP3, across_W * np.cos(angle_W), -across_W * np.sin(angle_W))
    turned_WLP3[..., 1] = _mixed(points_WLP3, along_W * np.sin(angle_W), along_W * np.cos(angle_W))
    return turned_WLP3


def _mixed(points_WLP3: np.ndarray, of_x_W: np.ndarray, of_y_W: np.ndarray) -> np.ndarray:
    of_x_W11, of_y_W11 = (share.astype(np.float32)[:, None, None] for share in (of_x_W, of_y_W))
    mixed_WLP: np.ndarray = points_WLP3[..., 0] * of_x_W11 + points_WLP3[..., 1] * of_y_W11
    return mixed_WLP


def corrupted(
    points_WLP3: np.ndarray, mask_WL: np.ndarray, names: Sequence[tuple[int | str, ...]], params: AugmentParams,
    threshold: float,
) -> np.ndarray:  # fmt: skip
    """What a worse detector would see: noise in eye distances on x and y, and hidden points.

    ``names``: of each window, what its random numbers depend on. Padding still repeats the last frame.
    """
    if not params.noise and not params.point_dropout:
        return points_WLP3
    unit_W = params.noise * units(points_WLP3[..., :2], points_WLP3[..., 2] >= threshold, mask_WL)
    worse_WLP3 = points_WLP3.copy("K")
    for worse_LP3, unit, name in zip(worse_WLP3, unit_W, names, strict=True):
        draw = generator(*name)
        shape = worse_LP3.shape[:2]
        for place in (0, 1):
            worse_LP3[..., place] += draw.standard_normal(shape, np.float32) * unit
        luck_LP = draw.random(shape, np.float32)
        luck_LP[:, KEPT] = 1
        worse_LP3[..., 2] *= luck_LP >= params.point_dropout
    short = np.flatnonzero(~mask_WL.all(1))
    last = mask_WL[short].sum(1, keepdims=True) - 1
    worse_WLP3[short] = worse_WLP3[short[:, None], np.minimum(np.arange(mask_WL.shape[1]), last)]
    return worse_WLP3
