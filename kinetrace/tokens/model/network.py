"""The tokenizer: chunks of each part to a latent vector, its codes, and back to positions.

Shape suffixes: B chunks, L frames a chunk, K points of the part, D latent dimensions, Q levels.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kinetrace.tokens.data.landmarks import PARTS
from kinetrace.tokens.model.basis import Basis
from kinetrace.tokens.model.encoders import ENCODERS, MlpDecoder, MlpEncoder, TransformerDecoder, TransformerEncoder
from kinetrace.tokens.model.quantizer import ResidualQuantizer
from kinetrace.tokens.params import ModelParams

SMALLEST_SPREAD = 0.01  # eye distances: a part that never moves must not be blown up
VALUES_A_POINT = 5  # x, y, score, vx, vy
FASTER = 4.0  # velocities are about this much smaller than positions


@dataclass(frozen=True)
class Windows:
    """Present chunks of one part: ``values_BLK5``, ``known_BK`` (points seen at all) and ``mask_BL`` (no padding)."""

    values_BLK5: Tensor
    known_BK: Tensor
    mask_BL: Tensor

    def __len__(self) -> int:
        return len(self.values_BLK5)

    def to(self, device: torch.device) -> "Windows":
        return Windows(self.values_BLK5.to(device), self.known_BK.to(device), self.mask_BL.to(device))

    @property
    def positions_BLK2(self) -> Tensor:
        return self.values_BLK5[..., :2]

    @property
    def weights_BLK(self) -> Tensor:
        """How much a point of a frame counts: its score, 0 in padding and where the point was never seen."""
        return self.values_BLK5[..., 2] * self.mask_BL[..., None] * self.known_BK[:, None]


@dataclass(frozen=True)
class Scaling:
    """Of one part's training chunks: ``mean`` position ``[K, 2]`` and one ``spread`` about it, in eye distances."""

    mean: Tensor
    spread: Tensor

    @staticmethod
    def sums(windows: Windows) -> Tensor:
        """``[K, 4]`` float64, to be added up over batches: weights, weighted x, y, and squares of both."""
        weights = windows.weights_BLK[..., None].double()
        xy = windows.positions_BLK2.double()
        return (torch.cat([torch.ones_like(weights), xy, xy.square().sum(-1, keepdim=True)], -1) * weights).sum((0, 1))

    @classmethod
    def of(cls, sums_K4: Tensor) -> "Scaling":
        """Weighted by the scores; a point that was never seen has mean 0."""
        total_K1, first_K2, second_K = sums_K4[:, :1].clamp(min=1e-9), sums_K4[:, 1:3], sums_K4[:, 3]
        squares_K = second_K - (first_K2.square() / total_K1).sum(1)
        spread = (squares_K.sum() / total_K1.sum() / 2).clamp(min=0).sqrt().clamp(min=SMALLEST_SPREAD)
        return cls((first_K2 / total_K1).float(), spread.float())


class PoseTokenizer(nn.Module):
    """One network for all parts; each has codebooks of its own.

    ``codes``: codes a level by part, in the order of the parts; ``scaling``: by part, kept among the weights.
    """

    def __init__(
        self, params: ModelParams, codes: Mapping[str, int], scaling: Mapping[str, Scaling] | None = None,
        usage: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        points = {part: PARTS[part].stop - PARTS[part].start for part in codes}
        encoder, decoder = ENCODERS[params.encoder]
        self.encoder: MlpEncoder | TransformerEncoder = encoder(
            {part: size * VALUES_A_POINT for part, size in points.items()}, params
        )
        self.decoder: MlpDecoder | TransformerDecoder = decoder(
            {part: size * 2 for part, size in points.items()}, params
        )
        sizes = {part: params.length * size * 2 for part, size in points.items()}
        self.bases = nn.ModuleDict({part: Basis(size, params.latent) for part, size in sizes.items()})
        levels = params.quantizer.levels
        self.quantizers = nn.ModuleDict(
            {part: ResidualQuantizer(params.latent, levels, size, params.quantizer, usage)
             for part, size in codes.items()}
        )  # fmt: skip
        for part, size in points.items():
            known = scaling[part] if scaling else Scaling(torch.zeros(size, 2), torch.ones(()))
            self.register_buffer(f"mean_{part}", known.mean.clone())
            self.register_buffer(f"spread_{part}", known.spread.clone())

    @property
    def parts(self) -> list[str]:
        return list(self.quantizers)

    def quantizer(self, part: str) -> ResidualQuantizer:
        found = self.quantizers[part]
        assert isinstance(found, ResidualQuantizer)
        return found

    def scaling(self, part: str) -> Scaling:
        return Scaling(self.get_buffer(f"mean_{part}"), self.get_buffer(f"spread_{part}"))

    def basis(self, part: str) -> Basis:
        found = self.bases[part]
        assert isinstance(found, Basis)
        return found

    @torch.no_grad()
    def start(self, moments: Mapping[str, Tensor], counts: Mapping[str, int]) -> None:
        """Start as a principal component analysis: of each part, the second moments of ``flat`` over its chunks."""
        for part in self.parts:
            self.basis(part).start(moments[part], counts[part])
        for layer in (self.encoder.out[-1], *self.decoder.heads.values()):
            for weights in layer.parameters():
                weights.zero_()

    def standardized(self, part: str, windows: Windows) -> Tensor:
        """``[B, L, K, 5]``: deviations from the mean pose, scores, velocities; 0 for points never seen."""
        scale, values = self.scaling(part), windows.values_BLK5
        position = (values[..., :2] - scale.mean) / scale.spread
        velocity = values[..., 3:] * (FASTER / scale.spread)
        return torch.cat([position, values[..., 2:3], velocity], -1) * windows.known_BK[:, None, :, None]

    def flat(self, part: str, windows: Windows) -> Tensor:
        """What a part's basis sees, ``[B, L K 2]``: deviations from the mean pose, 0 in padding."""
        return self._flat(self.standardized(part, windows), windows)

    @staticmethod
    def _flat(channels_BLK5: Tensor, windows: Windows) -> Tensor:
        return (channels_BLK5[..., :2] * windows.mask_BL[..., None, None]).flatten(1)

    def latent(self, part: str, windows: Windows) -> Tensor:
        """``[B, D]``; neither padding nor points never seen decide anything."""
        channels_BLK5 = self.standardized(part, windows)
        linear_BD: Tensor = self.basis(part).analysis(self._flat(channels_BLK5, windows))
        return linear_BD + self.encoder(part, channels_BLK5.flatten(2), windows.mask_BL)

    def positions(self, part: str, latent_BD: Tensor) -> Tensor:
        """``[B, L, K, 2]`` in eye distances from the part's centre."""
        scale = self.scaling(part)
        frames_BLC: Tensor = self.decoder(part, latent_BD)
        shape = (*frames_BLC.shape[:2], *scale.mean.shape)
        deviation_BLK2 = frames_BLC.reshape(shape) + self.basis(part).synthesis(latent_BD).reshape(shape)
        return deviation_BLK2 * scale.spread + scale.mean

    def encode(self, part: str, windows: Windows) -> Tensor:
        """Codes ``[B, Q]``."""
        return self.quantizer(part).encode(self.latent(part, windows))

    def decode(self, part: str, codes_BQ: Tensor) -> Tensor:
        """Positions ``[B, L, K, 2]`` of codes."""
        return self.positions(part, self.quantizer(part).decode(codes_BQ))
