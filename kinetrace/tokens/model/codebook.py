"""One level's codebook: moving averages (van den Oord et al. 2017, appendix A.1), revival by splitting.

Shape suffixes: B rows of the batch, D dimensions, K codes, R rows moved to dead codes, W ranks.
"""

import torch
from torch import Tensor, nn

from kinetrace.tokens.model import gradients, kmeans, ranks
from kinetrace.tokens.params import QuantizerParams

DAMPING = 0.2  # how far a handicap goes in one round of refitting: at once they would swing
REVIVED = 256  # codes moved in one step at most: it bounds what the ranks exchange


def own_totals(values_BD: Tensor, codes_B: Tensor, codes: int) -> tuple[Tensor, Tensor]:
    """Rows of this rank that chose each code, as float ``[K]``, and their sum ``[K, D]``."""
    hits_K = torch.bincount(codes_B, minlength=codes).to(values_BD)
    sums_KD = values_BD.new_zeros(codes, values_BD.shape[1])
    if values_BD.is_cuda:
        sums_KD.index_put_((codes_B,), values_BD, accumulate=True)  # sorted, so the order of the sum is fixed
    else:
        sums_KD.index_add_(0, codes_B, values_BD)
    return hits_K, sums_KD


def totals(values_BD: Tensor, codes_B: Tensor, codes: int) -> tuple[Tensor, Tensor]:
    """The same over the rows of all ranks."""
    hits_K, sums_KD = own_totals(values_BD, codes_B, codes)
    if ranks.active():
        both = ranks.total(torch.cat([hits_K[:, None], sums_KD], 1))
        hits_K, sums_KD = both[:, 0], both[:, 1:].contiguous()
    return hits_K, sums_KD


class Codebook(nn.Module):
    """``codes_KD`` follow the mean of the rows that choose them; ``hits_K`` is the moving average of their number.

    ``handicap_K`` is added to the squared distance of rows that choose a code; 0 until the codebook is refitted.

    The usual state is the moving averages of counts and of sums, a code being their quotient. Here the sum is not
    kept, it is hits times code: the two cannot disagree, and a code is always a weighted mean of rows and of its own
    past, so its norm cannot outgrow theirs however seldom it is chosen.
    """

    codes_KD: Tensor
    hits_K: Tensor
    handicap_K: Tensor

    def __init__(self, dim: int, codes: int, params: QuantizerParams, generator: torch.Generator) -> None:
        super().__init__()
        self.decay, self.revive_below, self.evenness = params.decay, params.revive, params.evenness
        self.register_buffer("codes_KD", torch.randn(codes, dim, generator=generator) / dim**0.5)
        self.register_buffer("hits_K", torch.zeros(codes))
        self.register_buffer("handicap_K", torch.zeros(codes))

    def table(self) -> Tensor:
        """The codes ``[K, D]``."""
        return self.codes_KD

    def commitment(self, left_BD: Tensor, found_BD: Tensor) -> Tensor:
        """Mean squared distance to the chosen codes; they follow by themselves, so only the rows have a gradient."""
        return gradients.squared(left_BD, found_BD.detach())

    def start(self, values_ND: Tensor, steps: int, generator: torch.Generator) -> None:
        """Put the codes at ``steps`` rounds of k-means over the rows, and forget the hits."""
        self.codes_KD.copy_(kmeans.centres(values_ND, len(self.codes_KD), steps, generator))
        self.hits_K.zero_()
        self.handicap_K.zero_()

    @torch.no_grad()
    def update(self, left_BD: Tensor, codes_B: Tensor, seed: Tensor) -> None:
        """Follow this batch, then move dead codes; ``seed`` decides which rows they move to."""
        hits_K, sums_KD = totals(left_BD, codes_B, len(self.codes_KD))
        self._follow(hits_K, sums_KD)
        if self.revive_below:
            self._revive(left_BD, codes_B, hits_K, seed)

    def _follow(self, hits_K: Tensor, sums_KD: Tensor) -> None:
        self.hits_K.copy_(torch.where(self.hits_K.sum() > 0, self.hits_K, hits_K.mean()))  # the first: all are even
        self.hits_K.lerp_(hits_K, 1 - self.decay)
        rate_K = (1 - self.decay) / self.hits_K.clamp(min=torch.finfo(torch.float32).tiny)
        sums_KD.addcmul_(self.codes_KD, hits_K[:, None], value=-1)
        self.codes_KD.addcmul_(sums_KD, rate_K[:, None])

    def _revive(self, left_BD: Tensor, codes_B: Tensor, hits_K: Tensor, seed: Tensor) -> None:
        """Split the most crowded codes: each gives one of its rows, and half its hits, to a dead one.

        The revived code has the mean hits: it has as long to find rows as a code at the start.
        """
        mean = self.hits_K.mean()
        dead_K = self.hits_K < self.revive_below * mean
        if not dead_K.any():
            return
        crowd_K = torch.where((hits_K > 0) & ~dead_K, self.hits_K, 0)
        number = min(int(dead_K.sum()), int((crowd_K > 0).sum()), REVIVED)
        donors_R, moved_R = crowd_K.topk(number).indices, self.hits_K.topk(number, largest=False).indices
        rows_RD, found_R = self._rows(left_BD, codes_B, donors_R, seed)
        donors_R, moved_R = donors_R[found_R], moved_R[found_R]
        self.codes_KD[moved_R] = rows_RD[found_R]
        self.hits_K[donors_R] /= 2
        self.hits_K[moved_R] = mean

    @torch.no_grad()
    def refit(self, left_ND: Tensor, codes_N: Tensor, split: bool, generator: torch.Generator) -> None:
        """One round over all rows of one process: each code to the mean of its rows; ``split`` as ``_revive`` does.

        Of codes with too few rows at most one in sixteen moves a round, so that neighbours can adapt.
        """
        hits_K, sums_KD = own_totals(left_ND, codes_N, len(self.codes_KD))
        self.codes_KD.copy_(torch.where(hits_K[:, None] > 0, sums_KD / hits_K.clamp(min=1)[:, None], self.codes_KD))
        self.hits_K.copy_(hits_K)
        few = int((hits_K < self.revive_below * hits_K.mean()).sum()) if split else 0
        number = min(few, max(1, len(hits_K) // 16))
        luck_N = torch.empty(len(left_ND)).exponential_(generator=generator).to(left_ND)
        offers_KD = self._offers(left_ND, codes_N, torch.arange(len(hits_K), device=left_ND.device), luck_N)
        crowd_K = torch.where(offers_KD[:, 0] > 0, hits_K, 0)  # a code whose rows are all alike cannot be split
        donors_R, moved_R = crowd_K.topk(number).indices, hits_K.topk(number, largest=False).indices
        found_R = crowd_K[donors_R] > hits_K[moved_R]
        self.codes_KD[moved_R[found_R]] = offers_KD[donors_R[found_R], 1:]
        self._handicap(left_ND, codes_N, hits_K)

    def _handicap(self, left_ND: Tensor, codes_N: Tensor, hits_K: Tensor) -> None:
        """Popular codes get a handicap, rare ones an advantage: ``evenness`` mean errors for a code e times as popular.

        Entropy-constrained quantization (Chou, Lookabaugh & Gray 1989) with the opposite sign: it spends distortion on
        bits that the codes carry, not on saving them.
        """
        error = (left_ND - self.codes_KD[codes_N]).square().sum() / max(len(left_ND), 1)
        popularity_K = ((hits_K + 1) / hits_K.mean().clamp(min=1e-12)).log()
        self.handicap_K.lerp_(self.evenness * error * popularity_K, DAMPING)

    def _rows(self, left_BD: Tensor, codes_B: Tensor, donors_R: Tensor, seed: Tensor) -> tuple[Tensor, Tensor]:
        """A row of each donor, drawn by its squared error among the rows of all ranks; false where all errors are 0.

        The draw of a row depends on its place in the batch of all ranks, not on how that batch is split.
        """
        before, rows = ranks.span(len(left_BD), left_BD.device)
        luck = torch.empty(rows).exponential_(generator=torch.Generator().manual_seed(int(seed)))
        own_B = luck[before : before + len(left_BD)].to(left_BD)
        offers_WRD = ranks.gathered(self._offers(left_BD, codes_B, donors_R, own_B))
        chosen_R = offers_WRD[:, :, 0].argmax(0)
        chosen_RD = offers_WRD[chosen_R, torch.arange(len(chosen_R), device=chosen_R.device)]
        return chosen_RD[:, 1:], chosen_RD[:, 0] > 0

    def _offers(self, left_BD: Tensor, codes_B: Tensor, donors_R: Tensor, luck_B: Tensor) -> Tensor:
        """The best row of this rank for each donor, its key before it: ``[R, 1 + D]``; 0 where there is none."""
        if not len(left_BD):
            return left_BD.new_zeros(len(donors_R), 1 + left_BD.shape[1])
        key_B = (left_BD - self.codes_KD[codes_B]).square().sum(1) / luck_B  # the largest is a draw by the error
        best_K = key_B.new_zeros(len(self.codes_KD)).scatter_reduce(0, codes_B, key_B, "amax")
        winners = (key_B == best_K[codes_B]).nonzero()[:, 0]
        place_K = codes_B.new_zeros(len(self.codes_KD)).index_copy(0, codes_B[winners], winners)
        return torch.cat([best_K[donors_R, None], left_BD[place_K[donors_R]]], 1)
