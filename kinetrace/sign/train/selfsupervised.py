"""Learning from clips without labels: hidden landmarks are predicted, and two views of a clip agree.

Shape suffixes: B views, T frames, N tokens (every second frame), P = 4 parts, F = 540 raw values, O predicted channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinetrace import loop
from kinetrace.sign.data.landmarks import PARTS
from kinetrace.sign.model.frontend import frame_mask
from kinetrace.sign.model.network import SignModel
from kinetrace.sign.params import PretrainParams
from kinetrace.sign.train import losses

FRAMES_A_TOKEN = 2
OWNERS = [place for place, part in enumerate(PARTS.values()) for _ in range(part.stop - part.start)]  # by raw value


@dataclass(frozen=True)
class Views:
    """``frames_BTF`` and ``lengths_B`` hold first all views 0, then all views 1; ``hidden_BTP`` bool by part."""

    frames_BTF: Tensor
    lengths_B: Tensor
    hidden_BTP: Tensor

    def to(self, device: torch.device) -> "Views":
        """The same views on ``device``."""
        return Views(*(tensor.to(device) for tensor in vars(self).values()))


def hide(clip_ids: Sequence[str], lengths_B: Tensor, params: PretrainParams, seed: int, epoch: int) -> Tensor:
    """``[B, T, P]`` bool: spans of time hidden altogether, and spans of each hand and the face.

    The pose is never hidden alone: without the shoulders a frame has no origin, and nothing in it is seen. A view
    of which nothing would be left keeps all its frames. What a clip gets is a pure function of (seed, epoch, clip id,
    view), whatever the padding.
    """
    frames, clips = int(lengths_B.max()), len(clip_ids)
    rows = [
        _spans(loop.hash_seed("hide", seed, epoch, place // clips, clip_ids[place % clips]), frames, params)
        for place in range(len(lengths_B))
    ]
    hidden_BTP = torch.from_numpy(np.stack(rows))
    mask_BT = frame_mask(lengths_B, frames)
    kept_B = (mask_BT & ~hidden_BTP[..., 0]).any(-1)
    return hidden_BTP & mask_BT[..., None] & kept_B[:, None, None]


def _spans(seed: int, frames: int, params: PretrainParams) -> np.ndarray:
    """``[T, P]`` bool of one view: all spans begin at the same random offset."""
    generator = np.random.default_rng(seed)
    span_T = (np.arange(frames) + generator.integers(params.span)) // params.span
    drawn_TP = generator.random((span_T[-1] + 1, 1 + len(PARTS)))[span_T]
    whole_T1 = drawn_TP[:, :1] < params.hidden
    apart_TP = drawn_TP[:, 1:] < params.part_hidden
    apart_TP[:, list(PARTS).index("pose")] = False
    return whole_T1 | apart_TP


class Objective(nn.Module):
    """The model with a linear head that gives the places of the frames of each token."""

    def __init__(self, model: SignModel, params: PretrainParams) -> None:
        super().__init__()
        self.model = model
        self.params = params
        self.head = nn.Linear(model.encoder.norm.normalized_shape[0], FRAMES_A_TOKEN * len(model.frontend.owners))

    def forward(self, views: Views) -> dict[str, Tensor]:
        """Each loss by name, unweighted, their weighted ``loss``, and ``similarity``, which tells a collapse."""
        left_BTF = views.frames_BTF.masked_fill(views.hidden_BTP[..., OWNERS], 0.0)  # as if it had not been detected
        encoded = self.model.encode(left_BTF, views.lengths_B)
        clip_B = torch.arange(len(views.lengths_B) // 2, device=encoded.embedding_BD.device).repeat(2)
        masked = self._masked(encoded.tokens_BNW, views)
        dual = losses.contrastive(encoded.embedding_BD, clip_B, self.params.temperature)
        loss = self.params.masked * masked + self.params.dual * dual
        similarity = _similarity(encoded.embedding_BD.detach(), clip_B)
        return {"masked": masked, "dual": dual, "similarity": similarity, "loss": loss}

    def _masked(self, tokens_BNW: Tensor, views: Views) -> Tensor:
        """Smooth L1 between predicted and true places, over what was hidden and had been observed."""
        frontend, frames = self.model.frontend, views.frames_BTF.shape[1]
        with torch.no_grad():
            mask_BT = frame_mask(views.lengths_B, frames)
            places_BTO, seen_BTO = frontend.places(frontend(views.frames_BTF, mask_BT))
        owners = [list(PARTS).index(frontend.parts[owner]) for owner in frontend.owners]
        asked_BTO = seen_BTO & views.hidden_BTP[..., owners]
        found_BTO = self.head(tokens_BNW).unflatten(-1, (FRAMES_A_TOKEN, -1)).flatten(1, 2)[:, :frames]
        errors_BTO = F.smooth_l1_loss(found_BTO.float(), places_BTO, reduction="none")
        return (errors_BTO * asked_BTO).sum() / asked_BTO.sum().clamp(min=1)


def _similarity(embedding_BD: Tensor, clip_B: Tensor) -> Tensor:
    """Mean cosine of views of different clips; 0 with a single clip."""
    others_BB = clip_B[:, None] != clip_B[None]
    return (embedding_BD @ embedding_BD.T * others_BB).sum() / others_BB.sum().clamp(min=1)
