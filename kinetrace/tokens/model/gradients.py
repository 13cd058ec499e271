"""How gradients pass the quantizer: straight through, by rotation, and through the usage of the codes.

Shape suffixes: B rows, D dimensions, K codes.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from kinetrace.tokens.model import ranks

TEMPERATURE = 0.5  # mean squared errors


def straight_through(values_BD: Tensor, found_BD: Tensor) -> Tensor:
    """``found_BD`` to the bit, with the gradient of ``values_BD``."""
    return found_BD.detach() + (values_BD - values_BD.detach())


def rotated(values_BD: Tensor, found_BD: Tensor) -> Tensor:
    """``found_BD`` to the bit; the gradient is turned and scaled as the values are by the step to ``found_BD``.

    The rotation trick (Fifty et al. 2024, arXiv 2410.06424, section 4): the rotation that takes the direction of
    the values to that of the quantized ones is a constant of the graph.
    """
    with torch.no_grad():
        from_BD, to_BD = F.normalize(values_BD, dim=-1), F.normalize(found_BD, dim=-1)
        middle_BD = F.normalize(from_BD + to_BD, dim=-1)
        scale_B1 = found_BD.norm(dim=-1, keepdim=True) / values_BD.norm(dim=-1, keepdim=True).clamp(min=1e-6)
    along_B1 = (values_BD * middle_BD).sum(-1, keepdim=True)
    length_B1 = (values_BD * from_BD).sum(-1, keepdim=True)
    turned_BD = scale_B1 * (values_BD - 2 * along_B1 * middle_BD + 2 * length_B1 * to_BD)
    return straight_through(turned_BD, found_BD)


def squared(values_BD: Tensor, found_BD: Tensor) -> Tensor:
    """The mean squared difference over the rows of all ranks, this rank's share of it; 0 where there is no row."""
    count = torch.full((), float(values_BD.numel()), device=values_BD.device)
    return ranks.share(F.mse_loss(values_BD, found_BD, reduction="sum"), count)


def unevenness(left_BD: Tensor, codes_KD: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """One minus the normalized entropy of how the codes share the batch: 0 when evenly, 1 when one has it all.

    A row's shares are a softmax over distances, in units of ``temperature`` times the batch's mean squared error, so
    that the rows have a gradient; the shares of all ranks are averaged. 0 where there is no row.
    """
    scores_BK = left_BD @ codes_KD.T - codes_KD.square().sum(1) / 2
    with torch.no_grad():
        rows = torch.full((), float(len(left_BD)), device=left_BD.device)
        error = ranks.mean(ranks.share((left_BD.square().sum(1) - 2 * scores_BK.amax(1)).sum(), rows)).clamp(min=1e-12)
    mean_K = ranks.share((scores_BK * (2 / (temperature * error))).softmax(-1).sum(0), rows)
    with torch.no_grad():
        others_K = ranks.mean(mean_K.clone()) - mean_K
    mean_K = mean_K + others_K  # ranks average their gradients: each gives that of its own share
    entropy = -(mean_K * mean_K.clamp(min=1e-12).log()).sum()
    return (1 - entropy / math.log(max(len(codes_KD), 2))) * (mean_K.sum() > 0)
