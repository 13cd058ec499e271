"""Losses over one part's chunks; each is a mean over the weights of all ranks, 0 where nothing counts.

Shape suffixes: B chunks, L frames a chunk, K points, E neighbouring pairs.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from kinetrace.tokens.model import ranks
from kinetrace.tokens.model.network import Windows

BEND = 0.1  # spreads of the part from which the smooth L1 loss is linear


def weighted(error_BLK2: Tensor, weights_BLK: Tensor) -> Tensor:
    """The mean over x and y of all points, each as heavy as its weight; this rank's share of it."""
    return ranks.share((error_BLK2 * weights_BLK[..., None]).sum(), weights_BLK.sum() * error_BLK2.shape[-1])


def smooth_l1(found: Tensor, wanted: Tensor) -> Tensor:
    """Element by element; quadratic below ``BEND``."""
    return F.smooth_l1_loss(found, wanted, reduction="none", beta=BEND)


def position(found_BLK2: Tensor, windows: Windows, spread: Tensor) -> Tensor:
    """Where the points are, by score; in units of the part's ``spread``, so that a face counts like a hand."""
    return weighted(smooth_l1(found_BLK2 / spread, windows.positions_BLK2 / spread), windows.weights_BLK)


def velocity(found_BLK2: Tensor, windows: Windows, spread: Tensor) -> Tensor:
    """How they move from frame to frame; both frames must count."""
    weights = windows.weights_BLK
    both = torch.minimum(weights[:, 1:], weights[:, :-1])
    wanted = windows.positions_BLK2
    return weighted(smooth_l1(found_BLK2.diff(dim=1) / spread, wanted.diff(dim=1) / spread), both)


def temporal(found_BLK2: Tensor, windows: Windows, pairs_E2: Tensor, stride: int, spread: Tensor) -> Tensor:
    """Frames that two neighbouring chunks share should be the same in both; padding and unknown points do not count.

    ``pairs_E2``: rows of a chunk and of the one ``stride`` frames later.
    """
    before, after = pairs_E2.unbind(1)
    shared = found_BLK2.shape[1] - stride
    weights = windows.weights_BLK
    both = torch.minimum(weights[before, stride:], weights[after, :shared])
    return weighted(smooth_l1(found_BLK2[before, stride:] / spread, found_BLK2[after, :shared] / spread), both)
