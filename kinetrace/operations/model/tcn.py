"""The small network: features of the chosen frames laid on the grid of moments, dilated convolutions over time, heads.

Shape suffixes: B clips, n frames, N moments with context, T moments of the clip proper, K operations, W width.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinetrace.operations.model.frames import FrameEncoder
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.params import TcnParams

TIMES = 3  # channels of time beside the features of a moment
NEVER = -1e9
EARLIER = 1e-3  # seconds by which the later of two equally near frames is nearer: no rounding decides


@dataclass(frozen=True)
class Said:
    """Log-probabilities of the clip's operation, of each moment's, and of the next one.

    ``inside_BTK``, ``start_BTK``, ``end_BTK``: scores of an operation that runs in, starts with, ends with a moment.
    """

    operation_BK: Tensor
    frames_BTK: Tensor
    next_BK: Tensor
    inside_BTK: Tensor
    start_BTK: Tensor
    end_BTK: Tensor

    def spans(self, operation_B: Tensor) -> Tensor:
        """``[B, T, T]`` log-probability that this operation runs from moment i to the end of moment j >= i."""
        inside_BT, start_BT, end_BT = (
            scores.gather(2, operation_B[:, None, None].expand(-1, scores.shape[1], 1))[..., 0]
            for scores in (self.inside_BTK, self.start_BTK, self.end_BTK)
        )
        sum_BT = inside_BT.cumsum(1)
        scores_BTT = (start_BT - sum_BT + inside_BT)[:, :, None] + (end_BT + sum_BT)[:, None]
        forward_TT = torch.ones_like(scores_BTT[0]).triu() > 0
        scores_BTT = torch.where(forward_TT, scores_BTT, NEVER)
        return scores_BTT.flatten(1).log_softmax(1).view_as(scores_BTT)


class Block(nn.Module):
    """A residual dilated convolution, as in MS-TCN (https://arxiv.org/abs/1903.01945); absent moments are zeros."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.dilated = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.mixed = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BNW: Tensor, present_BN1: Tensor) -> Tensor:
        seen_BNW = self.dilated((self.norm(x_BNW) * present_BN1).mT).mT
        grown_BNW: Tensor = x_BNW + self.dropout(self.mixed(F.silu(seen_BNW)))
        return grown_BNW


class OperationsNet(nn.Module):
    """Frames with their times to operation, span and next operation; any number of frames, wherever they lie."""

    times_N: Tensor

    def __init__(self, params: TcnParams, geometry: Geometry, operations: int) -> None:
        super().__init__()
        width, self.geometry = params.width, geometry
        self.encoder = FrameEncoder(params.pixels, width, params.dropout)
        self.lay = nn.Linear(width + TIMES, width)
        blocks = [Block(width, 2**level, params.dropout) for level in range(params.depth)]
        self.blocks, self.norm = nn.ModuleList(blocks), nn.LayerNorm(width)
        self.attention = nn.Linear(width, 2)  # what tells this operation, what tells the next one
        self.moment, self.inside = nn.Linear(width, operations), nn.Linear(width, operations)
        self.edges = nn.Linear(2 * width, 2 * operations)
        self.operation = nn.Linear(width, operations)
        self.scene = nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, operations))
        self.follows = nn.Parameter(torch.zeros(operations, operations))
        self.trust = nn.Parameter(torch.tensor([1.0, 0.3]))  # in the moments: for the operation, for its span
        for weights in (*self.inside.parameters(), *self.edges.parameters()):
            nn.init.zeros_(weights)  # all spans alike: sums over many moments would start far from the truth
        self.register_buffer("times_N", torch.from_numpy(geometry.times_N), persistent=False)

    def forward(self, frames_BnPP3: Tensor, times_Bn: Tensor, present_BN: Tensor) -> Said:
        """Of uint8 frames in order, their times in seconds from the clip's start, and which moments there are.

        A frame may be given twice: the second one changes nothing but the ``change`` that it shows.
        """
        x_BNW = self._temporal(self.encoder(frames_BnPP3, times_Bn), times_Bn, present_BN)
        inside_BTW = x_BNW[:, self.geometry.before :]
        frames_BTK = self.moment(inside_BTW).log_softmax(-1)
        pooled_B2W = self.attention(inside_BTW).softmax(1).mT @ inside_BTW
        share_BK = frames_BTK.logsumexp(1)
        operation_BK = (self.operation(pooled_B2W[:, 0]) + self.trust[0] * share_BK).log_softmax(-1)
        next_BK = self._next(operation_BK, torch.cat([pooled_B2W[:, 1], x_BNW[:, -1]], -1))
        member_BTK = self.inside(inside_BTW) + self.trust[1] * _evidence(frames_BTK)
        start_BTK, end_BTK = self._edges(x_BNW)
        return Said(operation_BK, frames_BTK, next_BK, member_BTK, start_BTK, end_BTK)

    def _temporal(self, features_BnW: Tensor, times_Bn: Tensor, present_BN: Tensor) -> Tensor:
        """Each moment sees the nearest chosen frame, how far that is, and where in the clip it is itself."""
        away_BNn = self.times_N[None, :, None] - times_Bn[:, None]
        nearest_BN = (away_BNn + EARLIER).abs().argmin(2)
        seen_BNW = features_BnW.gather(1, nearest_BN[..., None].expand(-1, -1, features_BnW.shape[2]))
        away_BN1 = away_BNn.gather(2, nearest_BN[..., None])
        place_N2 = torch.stack([self.times_N / self.geometry.seconds, (self.times_N >= 0).float()], -1)
        place_BN2 = place_N2.expand(away_BN1.shape[0], -1, -1)
        x_BNW = self.lay(torch.cat([seen_BNW, away_BN1, place_BN2], -1))
        present_BN1 = present_BN[..., None].to(x_BNW.dtype)
        for block in self.blocks:
            x_BNW = block(x_BNW, present_BN1)
        normed_BNW: Tensor = self.norm(x_BNW) * present_BN1
        return normed_BNW

    def _edges(self, x_BNW: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[B, T, K]`` of starting with a moment and of ending with it, by the moments on both sides."""
        count = self.geometry.inside
        around_BMW = F.pad(x_BNW, (0, 0, 1, 1))[:, -(count + 2) :]
        edges_BEK = self.edges(torch.cat([around_BMW[:, :-1], around_BMW[:, 1:]], -1))
        start_BEK, end_BEK = edges_BEK.chunk(2, -1)
        return start_BEK[:, :-1], end_BEK[:, 1:]

    def _next(self, operation_BK: Tensor, scene_BV: Tensor) -> Tensor:
        """What follows each operation by itself and by what lies there, over all that the operation may be."""
        after_BKK = (self.follows + self.scene(scene_BV)[:, None]).log_softmax(-1)
        next_BK: Tensor = (operation_BK.detach()[:, :, None] + after_BKK).logsumexp(1)
        return next_BK


def _evidence(frames_BTK: Tensor) -> Tensor:
    """Log-odds of each operation at a moment, 0 where all are alike."""
    others_BTK = torch.log1p(-frames_BTK.exp().clamp(max=1 - 1e-4))
    return frames_BTK - others_BTK + math.log(frames_BTK.shape[-1] - 1)
