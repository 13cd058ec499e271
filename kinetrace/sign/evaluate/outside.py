"""Clips that are no sentence, made from clips that are: random motion of real bodies, and stillness."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kinetrace.sign.data.features import motion, observed
from kinetrace.sign.model.batches import Corpus

STEP = 12  # frames from one pose to the next in random motion: about as fast as signing at 25 frames a second


@dataclass(frozen=True)
class Made:
    """Frames ``[T, 540]`` made from clips, and the rows of these in the clip table."""

    clips: pd.DataFrame
    made: list[np.ndarray]

    def frames(self, index: int) -> np.ndarray:
        """Of clip ``index``."""
        return self.made[index]


def stand_ins(corpus: Corpus, count: int, floor: float, seed: int) -> dict[str, Corpus]:
    """At most ``count`` clips of each kind, as long as clips of ``corpus`` are; a pure function of its arguments."""
    chosen = np.unique(np.linspace(0, len(corpus) - 1, min(count, len(corpus))).round().astype(int))
    rows = corpus.shards.clips.iloc[chosen].assign(num_frames=corpus.lengths[chosen]).reset_index(drop=True)
    kinds: dict[str, Callable[[int, np.random.Generator], np.ndarray]] = {
        "random": lambda clip, generator: random_motion(corpus, int(corpus.lengths[clip]), generator),
        "still": lambda clip, generator: still(corpus.frames(clip), floor, generator),
    }
    return {
        kind: Corpus.of(
            Made(rows, [make(clip, np.random.default_rng([seed, clip])) for clip in chosen]), corpus.max_frames
        )
        for kind, make in kinds.items()
    }


def random_motion(corpus: Corpus, frames: int, generator: np.random.Generator) -> np.ndarray:
    """``[frames, 540]``: a smooth walk between poses that are drawn from all frames of ``corpus``.

    Hands stay hands and bodies stay bodies, only nothing is said. A part that either of two poses lacks is taken
    from the nearer one.
    """
    clips = generator.integers(len(corpus), size=frames // STEP + 2)
    poses = np.stack([corpus.frames(clip)[generator.integers(corpus.lengths[clip])] for clip in clips])
    place, share = np.divmod(np.arange(frames) / STEP, 1)
    before, after = (poses[place.astype(int) + later] for later in (0, 1))
    weight = (1 - np.cos(np.pi * share[:, None])) / 2  # slow at each pose
    weight = np.where(observed(before) & observed(after), weight, weight.round())
    return (before + (after - before) * weight).astype(np.float32)


def still(frames: np.ndarray, floor: float, generator: np.random.Generator) -> np.ndarray:
    """``[T, 540]``: one frame of the clip held, trembling with a mean motion energy anywhere below ``floor``."""
    held = np.repeat(frames[[generator.integers(len(frames))]], len(frames), axis=0)
    tremble = generator.standard_normal(held.shape) * (held != 0)
    energy = motion(tremble).mean()
    return (held + tremble * (generator.uniform() * floor / energy if energy else 0)).astype(np.float32)
