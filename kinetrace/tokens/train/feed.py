"""What each step of training sees: windows of the corpus, changed at random, as chunks of each part."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from kinetrace.tokens.data.chunks import Chunks, cut_windows
from kinetrace.tokens.model.batches import Corpus, Plan, windows
from kinetrace.tokens.params import TokensParams
from kinetrace.tokens.train.augment import Draws, corrupted, placed, shuffled
from kinetrace.tokens.train.objective import Batch, PartBatch

Build = Callable[[], Batch]


@dataclass(frozen=True)
class Feed:
    """The batches of every epoch, as one of ``ranks`` processes takes its rows of them."""

    corpus: Corpus
    params: TokensParams
    rank: int = 0
    ranks: int = 1

    @property
    def together(self) -> int:
        """The stride of windows that are not parted: pairs of neighbours matter to the temporal loss alone."""
        return self.params.model.stride if self.params.loss.temporal else 0

    def epoch(self, epoch: int) -> list[Build]:
        """Every clip once: what builds each batch when its turn comes; a pure function of seed and epoch."""
        draws = Draws.of(self.params.train.seed, epoch, self.corpus.clip_ids)
        run = 2 if self.together else 1
        plan = shuffled(self.corpus, draws, self.params.augment, self.params.train.seed, epoch, run)
        return [
            partial(self._batch, epoch, draws, batch.split(self.ranks, self.together)[self.rank])
            for batch in plan.batches(self.params.train.batch, self.together)
        ]

    def _batch(self, epoch: int, draws: Draws, plan: Plan) -> Batch:
        params, chunking, seed = self.params.augment, self.params.model, self.params.train.seed
        frames_NLF, mask_NL = self.corpus.frames(plan)
        points_NLP3 = placed(frames_NLF, plan.clips, draws, params)
        places = zip(plan.clips.tolist(), plan.starts.tolist(), strict=True)
        names = [(seed, epoch, self.corpus.clip_ids[clip], start) for clip, start in places]
        worse_NLP3 = corrupted(points_NLP3, mask_NL, names, params, chunking.score_threshold)
        true = cut_windows(points_NLP3, mask_NL, plan.starts, chunking)
        seen = true if worse_NLP3 is points_NLP3 else cut_windows(worse_NLP3, mask_NL, plan.starts, chunking)
        return paired(true, seen, plan, chunking.stride)


def paired(true: Chunks, seen: Chunks, plan: Plan, stride: int) -> Batch:
    """By part; a part is present in what the network sees where it truly is."""
    seen_parts = windows(Chunks(seen.values, true.present, seen.known, seen.mask, seen.units, seen.starts))
    true_parts = windows(true)
    return {
        part: PartBatch(seen_parts[part], true_parts[part], neighbours(plan, true.present[part], stride))
        for part in true.values
    }


def neighbours(plan: Plan, present: np.ndarray, stride: int) -> Tensor:
    """``[E, 2]``: rows, among the present windows, of those that the same clip's next window follows at once."""
    follows = plan.follows(stride) & present[1:] & present[:-1]
    rows = np.cumsum(present) - 1
    return torch.from_numpy(np.stack([rows[:-1][follows], rows[1:][follows]], axis=1))
