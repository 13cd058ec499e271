"""The sign network: frontend, encoder, retrieval head, text projection and decoder.

Shape suffixes: B clips, T frames, F = 540 raw values, N tokens, W width, D embedding, L sentences.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinetrace.sign.model.decoder import Decoder
from kinetrace.sign.model.encoders import ENCODERS
from kinetrace.sign.model.frontend import Frontend, frame_mask
from kinetrace.sign.params import ModelParams

VIEW_STRIDE = 2  # an encoder pass sees every second frame: even frames, or odd ones as the second view
LOG_SCALE_START, LOG_SCALE_LIMIT = float(np.log(1 / 0.07)), float(np.log(100))  # CLIP, Radford et al. 2021


@dataclass(frozen=True)
class Encoded:
    """``embedding_BD`` is normalized and for retrieval; ``tokens_BNW`` with ``mask_BN`` are for the decoder."""

    embedding_BD: Tensor
    tokens_BNW: Tensor
    mask_BN: Tensor


class MotionPool(nn.Module):
    """Attention pooling whose logits also see how much moved at each token."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(width, width // 2), nn.Tanh(), nn.Linear(width // 2, 1))
        self.motion = nn.Parameter(torch.zeros(1))

    def forward(self, x_BNW: Tensor, mask_BN: Tensor, energy_BN: Tensor) -> Tensor:
        logits_BN = self.score(x_BNW)[..., 0] + self.motion * torch.log1p(energy_BN)
        weights_BN = logits_BN.masked_fill(~mask_BN, -torch.inf).softmax(-1)
        pooled_BW: Tensor = (weights_BN[..., None] * x_BNW).sum(1)
        return pooled_BW


class SignModel(nn.Module):
    """Everything that is trained. ``forward`` is what the exported encoder computes."""

    def __init__(
        self, params: ModelParams, mean_F: np.ndarray, std_F: np.ndarray, text_width: int, vocabulary: int,
        recompute: bool = False, glosses: int = 0,
    ) -> None:  # fmt: skip
        """``glosses``: classes of the CTC head with the blank; 0 is without one."""
        super().__init__()
        width = params.width
        self.frontend = Frontend(list(params.parts), mean_F, std_F)
        make = ENCODERS[params.encoder]
        self.encoder = make(self.frontend.channels, width, params.depth, params.dropout, recompute)
        self.pool = MotionPool(width)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Dropout(params.dropout), nn.Linear(width, params.embedding))
        self.text = nn.Linear(text_width, params.embedding)
        self.log_scale = nn.Parameter(torch.tensor(LOG_SCALE_START))
        self.decoder = Decoder(vocabulary, width, params.decoder_depth, params.dropout, params.text_dropout)
        self.gloss = nn.Linear(width, glosses) if glosses else None

    def forward(self, frames_BTF: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Of whole clips at their recorded rate: embedding ``[B, D]``, tokens ``[B, N, W]``, token mask ``[B, N]``."""
        encoded = self.encode(frames_BTF[:, ::VIEW_STRIDE], (lengths_B + VIEW_STRIDE - 1) // VIEW_STRIDE)
        return encoded.embedding_BD, encoded.tokens_BNW, encoded.mask_BN

    def encode(self, frames_BTF: Tensor, lengths_B: Tensor) -> Encoded:
        """One view of each clip."""
        mask_BT = frame_mask(lengths_B, frames_BTF.shape[1])
        channels_BTC = self.frontend(frames_BTF, mask_BT)
        tokens_BNW, mask_BN = self.encoder(channels_BTC, mask_BT)
        energy_BT = channels_BTC[..., self.frontend.steps].abs().mean(-1)
        pooled_BW = self.pool(tokens_BNW, mask_BN, energy_BT[:, ::2])
        return Encoded(F.normalize(self.head(pooled_BW), dim=-1), tokens_BNW, mask_BN)

    def project_text(self, text_LE: Tensor) -> Tensor:
        """Frozen sentence embeddings ``[L, E]`` into the retrieval space, normalized ``[L, D]``."""
        return F.normalize(self.text(text_LE), dim=-1)

    @property
    def scale(self) -> Tensor:
        """The learnt logit scale, clamped to at most 100."""
        return self.log_scale.clamp(max=LOG_SCALE_LIMIT).exp()
