"""k-means over all rows, from centres drawn far from each other.

Seeding is k-means++ (Arthur & Vassilvitskii 2007) in rounds that draw several rows at once, as k-means|| does
(Bahmani et al. 2012). Shape suffixes: N rows, D dimensions, K centres.
"""

import torch
from torch import Tensor

ROUNDS = 16
BLOCK = 4096  # rows compared at once: it bounds the memory


@torch.no_grad()
def centres(values_ND: Tensor, count: int, steps: int, generator: torch.Generator) -> Tensor:
    """``count`` centres ``[K, D]`` after ``steps`` rounds of Lloyd.

    Raises:
        ValueError: there is no row.
    """
    if not len(values_ND):
        raise ValueError("k-means over no rows: give it at least one")
    found_KD = seeds(values_ND, count, generator)
    for _ in range(steps):
        found_KD = _lloyd(values_ND, found_KD)
    return found_KD


def seeds(values_ND: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """``count`` rows, each round of them drawn in proportion to the squared distance to those drawn before.

    Rows are drawn again, at random, when fewer than ``count`` of them differ.
    """
    error_N = torch.ones(len(values_ND), device=values_ND.device)
    found: list[Tensor] = []
    missing = count
    while missing:
        number = min(missing, max(1, count // ROUNDS)) if found else 1
        luck_N = torch.empty(len(values_ND)).exponential_(generator=generator).to(error_N)
        picked = (error_N / luck_N).topk(min(number, len(values_ND))).indices
        found.append(values_ND[picked])
        missing -= len(picked)
        distance_N = assign(values_ND, found[-1])[1]
        error_N = distance_N if len(found) == 1 else torch.minimum(error_N, distance_N)
    return torch.cat(found)


def assign(values_ND: Tensor, centres_KD: Tensor) -> tuple[Tensor, Tensor]:
    """The nearest centre of each row ``[N]`` and the squared distance to it ``[N]``."""
    half_K = centres_KD.square().sum(1) / 2
    codes, scores = [], []
    for block in torch.split(values_ND, BLOCK):
        score, code = torch.addmm(-half_K, block, centres_KD.T).max(1)
        codes.append(code)
        scores.append(score)
    distance_N = values_ND.square().sum(1) - 2 * torch.cat(scores)
    return torch.cat(codes), distance_N.clamp(min=0)


def _lloyd(values_ND: Tensor, centres_KD: Tensor) -> Tensor:
    """Each centre at the mean of its rows; one without rows moves to the row farthest from its own centre."""
    codes_N, error_N = assign(values_ND, centres_KD)
    hits_K = torch.bincount(codes_N, minlength=len(centres_KD))
    moved_KD = torch.zeros_like(centres_KD).index_add_(0, codes_N, values_ND) / hits_K.clamp(min=1)[:, None]
    empty = (hits_K == 0).nonzero()[:, 0][: len(values_ND)]
    moved_KD[empty] = values_ND[error_N.topk(len(empty)).indices]
    return moved_KD
