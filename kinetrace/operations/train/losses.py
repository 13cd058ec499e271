"""Losses of the small network; each is a mean over the clips or moments that count, 0 where none does.

Shape suffixes: B clips, T moments of the clip proper, K operations, M rows.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from kinetrace.operations.model.targets import NOTHING

SPREAD = 1.0  # moments by which a span may be off before it is e times less wanted


def label(logits_MK: Tensor, wanted_M: Tensor, smoothing: float, weights_K: Tensor | None = None) -> Tensor:
    """Cross-entropy with smoothed labels; rows of ``NOTHING`` do not count.

    With ``weights_K`` the mean is one over the weights of the wanted labels.
    """
    known_M = wanted_M != NOTHING
    wanted_M = wanted_M.clamp_min(0)
    each_M = F.cross_entropy(logits_MK, wanted_M, weights_K, reduction="none", label_smoothing=smoothing)
    heavy_M = known_M.to(each_M.dtype) if weights_K is None else weights_K[wanted_M] * known_M
    return (each_M * known_M).sum() / heavy_M.sum().clamp_min(1e-6)


def span(spans_BTT: Tensor, wanted_B2: Tensor, known_B: Tensor) -> Tensor:
    """Cross-entropy of spans of moments against the true one, softened by how far both ends are off.

    Args:
        spans_BTT: log-probability of each span, by its first and its last moment.
        wanted_B2: true start and end in moments from the clip's start, not rounded.
        known_B: which clips count.
    """
    places_T = torch.arange(spans_BTT.shape[1], device=spans_BTT.device)
    start_BT = -(places_T - wanted_B2[:, :1]).abs() / SPREAD
    end_BT = -(places_T + 1 - wanted_B2[:, 1:]).abs() / SPREAD
    forward_TT = torch.ones_like(spans_BTT[0]).triu() > 0
    near_BTT = torch.where(forward_TT, start_BT[:, :, None] + end_BT[:, None], -torch.inf)
    soft_BTT = near_BTT.flatten(1).softmax(1).view_as(spans_BTT)
    each_B = -(soft_BTT * spans_BTT).sum((1, 2))
    return (each_B * known_B).sum() / known_B.sum().clamp_min(1)
