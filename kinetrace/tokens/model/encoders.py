"""Chunks to latent vectors and back, by name: one backbone for all parts, told by an embedding which part it sees.

Shape suffixes: B chunks, L frames a chunk, C input channels a frame, W width, D latent dimensions.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from kinetrace.layers import AttentionBlock, sinusoids
from kinetrace.tokens.params import ModelParams


class FeedBlock(nn.Module):
    """Pre-norm feed-forward, residual."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.widen, self.narrow = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x_BW: Tensor) -> Tensor:
        residual: Tensor = self.narrow(F.silu(self.widen(self.norm(x_BW))))
        return x_BW + residual


class Types(nn.Module):
    """An embedding ``[W]`` a part."""

    def __init__(self, parts: list[str], width: int) -> None:
        super().__init__()
        self.of = nn.ParameterDict({part: nn.Parameter(torch.randn(width) * 0.02) for part in parts})

    def forward(self, part: str) -> Tensor:
        embedding_W: Tensor = self.of[part]
        return embedding_W


class MlpEncoder(nn.Module):
    """The whole chunk at once: a projection a part, then blocks that all parts share. Padding is seen as zeros."""

    def __init__(self, channels: Mapping[str, int], params: ModelParams) -> None:
        super().__init__()
        width = params.width
        self.stems = nn.ModuleDict({part: nn.Linear(params.length * size, width) for part, size in channels.items()})
        self.types = Types(list(channels), width)
        self.blocks = nn.Sequential(*(FeedBlock(width) for _ in range(params.depth)))
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, params.latent))

    def forward(self, part: str, x_BLC: Tensor, mask_BL: Tensor) -> Tensor:
        """``[B, D]``."""
        x_BW = self.stems[part]((x_BLC * mask_BL[..., None]).flatten(1)) + self.types(part)
        latent_BD: Tensor = self.out(self.blocks(x_BW))
        return latent_BD


class TransformerEncoder(nn.Module):
    """A token a frame, attention among them, pooled over the frames that are no padding."""

    def __init__(self, channels: Mapping[str, int], params: ModelParams) -> None:
        super().__init__()
        width = params.width
        self.stems = nn.ModuleDict({part: nn.Linear(size, width) for part, size in channels.items()})
        self.types = Types(list(channels), width)
        self.blocks = nn.ModuleList(AttentionBlock(width) for _ in range(params.depth))
        self.pool = POOLINGS[params.pooling](width)
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, params.latent))

    def forward(self, part: str, x_BLC: Tensor, mask_BL: Tensor) -> Tensor:
        """``[B, D]``."""
        mask_BL1 = mask_BL[..., None].to(x_BLC.dtype)
        x_BLW = self.stems[part](x_BLC * mask_BL1) + self.types(part)
        x_BLW = x_BLW + sinusoids(x_BLW)
        for block in self.blocks:
            x_BLW = block(x_BLW, mask_BL1)
        latent_BD: Tensor = self.out(self.pool(x_BLW, mask_BL1))
        return latent_BD


class MeanPool(nn.Module):
    """The mean over a chunk's own frames."""

    def __init__(self, width: int) -> None:
        super().__init__()

    def forward(self, x_BLW: Tensor, mask_BL1: Tensor) -> Tensor:
        return (x_BLW * mask_BL1).sum(1) / mask_BL1.sum(1).clamp(min=1)


class MaxPool(MeanPool):
    """The maximum over a chunk's own frames."""

    def forward(self, x_BLW: Tensor, mask_BL1: Tensor) -> Tensor:
        return x_BLW.masked_fill(mask_BL1 == 0, torch.finfo(x_BLW.dtype).min).amax(1)


class AttentionPool(nn.Module):
    """A mean whose weights each frame decides."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1)

    def forward(self, x_BLW: Tensor, mask_BL1: Tensor) -> Tensor:
        score_BL1 = self.score(x_BLW).masked_fill(mask_BL1 == 0, torch.finfo(x_BLW.dtype).min)
        pooled_BW: Tensor = (score_BL1.softmax(1) * x_BLW).sum(1)
        return pooled_BW


POOLINGS: Mapping[str, type[nn.Module]] = {"mean": MeanPool, "max": MaxPool, "attention": AttentionPool}


class MlpDecoder(nn.Module):
    """The mirror of ``MlpEncoder``: shared blocks, then a projection a part."""

    def __init__(self, outputs: Mapping[str, int], params: ModelParams) -> None:
        super().__init__()
        width, self.length = params.width, params.length
        self.stem, self.types = nn.Linear(params.latent, width), Types(list(outputs), width)
        self.blocks = nn.Sequential(*(FeedBlock(width) for _ in range(params.depth)), nn.LayerNorm(width))
        self.heads = nn.ModuleDict({part: nn.Linear(width, params.length * size) for part, size in outputs.items()})

    def forward(self, part: str, latent_BD: Tensor) -> Tensor:
        """``[B, L, C]``."""
        x_BW = self.blocks(self.stem(latent_BD) + self.types(part))
        frames_BLC: Tensor = self.heads[part](x_BW).unflatten(1, (self.length, -1))
        return frames_BLC


class TransformerDecoder(nn.Module):
    """The mirror of ``TransformerEncoder``: the latent at every place in time, attention, a projection a part."""

    def __init__(self, outputs: Mapping[str, int], params: ModelParams) -> None:
        super().__init__()
        width, self.length = params.width, params.length
        self.stem, self.types = nn.Linear(params.latent, width), Types(list(outputs), width)
        self.blocks = nn.ModuleList(AttentionBlock(width) for _ in range(params.depth))
        self.norm = nn.LayerNorm(width)
        self.heads = nn.ModuleDict({part: nn.Linear(width, size) for part, size in outputs.items()})

    def forward(self, part: str, latent_BD: Tensor) -> Tensor:
        """``[B, L, C]``."""
        x_BLW = (self.stem(latent_BD) + self.types(part))[:, None].expand(-1, self.length, -1)
        x_BLW = x_BLW + sinusoids(x_BLW)
        every_BL1 = torch.ones_like(x_BLW[..., :1])
        for block in self.blocks:
            x_BLW = block(x_BLW, every_BL1)
        frames_BLC: Tensor = self.heads[part](self.norm(x_BLW))
        return frames_BLC


ENCODERS: Mapping[
    str, tuple[type[MlpEncoder], type[MlpDecoder]] | tuple[type[TransformerEncoder], type[TransformerDecoder]]
] = {
    "mlp": (MlpEncoder, MlpDecoder),
    "transformer": (TransformerEncoder, TransformerDecoder),
}
