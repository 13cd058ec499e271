"""Codes of all levels at once, by beam search over what each level would leave.

Taking the nearest code level by level is greedy: a worse first code can leave a remainder that the next levels meet
better (Babenko & Lempitsky 2014 search additive codes so). Shape suffixes: B rows, D dimensions, Q levels, K codes,
M open choices.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def nearest(values_BD: Tensor, codes_KD: Tensor) -> Tensor:
    """Index of the code with the least squared distance; ``|v|²`` is left out, as it is the same for every code."""
    return torch.addmm(codes_KD.square().sum(1).mul_(-0.5), values_BD, codes_KD.T).argmax(1)


def search(values_BD: Tensor, tables: Sequence[Tensor], handicaps: Sequence[Tensor], beam: int) -> Tensor:
    """Codes ``[B, Q]`` whose sum is near the values: at each level but the last the best ``beam`` sums stay open.

    ``handicaps``: of each level ``[K]``, what choosing a code adds to the squared distance.
    """
    left_BMD, columns = values_BD[:, None], list[Tensor]()
    debt_BM = torch.zeros_like(left_BMD[..., 0])
    for level, (codes_KD, handicap_K) in enumerate(zip(tables, handicaps, strict=True)):
        count = codes_KD.shape[0]
        keep = 1 if level == len(tables) - 1 else min(beam, left_BMD.shape[1] * count)
        chosen_BM = _best(left_BMD, debt_BM, codes_KD, handicap_K, keep)
        parent_BM, code_BM = chosen_BM // count, chosen_BM % count
        parent_BMD = parent_BM[..., None].expand(-1, -1, left_BMD.shape[2])
        left_BMD = left_BMD.gather(1, parent_BMD) - F.embedding(code_BM, codes_KD)
        debt_BM = debt_BM.gather(1, parent_BM) + handicap_K[code_BM]
        columns = [column_BM.gather(1, parent_BM) for column_BM in columns] + [code_BM]
    return torch.cat(columns, 1)


def _best(left_BMD: Tensor, debt_BM: Tensor, codes_KD: Tensor, handicap_K: Tensor, keep: int) -> Tensor:
    """The ``keep`` pairs of an open choice and a code that leave least, as choice times K plus code."""
    open_, count = left_BMD.shape[1], codes_KD.shape[0]
    half_K = codes_KD.square().sum(1).add_(handicap_K).mul_(-0.5)
    scores_BMK = torch.addmm(half_K, left_BMD.flatten(0, 1), codes_KD.T).reshape(-1, open_, count)
    if open_ > 1:
        scores_BMK = scores_BMK.sub_((left_BMD.square().sum(2) + debt_BM)[..., None] / 2)
    scores_BC = scores_BMK.reshape(-1, open_ * count)
    return scores_BC.argmax(1, keepdim=True) if keep == 1 else scores_BC.topk(keep).indices
