"""SimVQ (Zhu et al. 2024, arXiv 2411.02038): a frozen random codebook seen through one learned linear map.

All codes move together, so none can be left behind. Shape suffixes: B rows, N rows of all data, D dimensions, K codes.
"""

import torch
from torch import Tensor, nn

from kinetrace.tokens.model import gradients

CODEBOOK = 4.0  # weight of the map's own term: the paper weighs the commitment 1 / 4 of it


class MappedCodebook(nn.Module):
    """One level: the codes are ``frozen_KD @ weight``; ``weight`` learns by the commitment term."""

    frozen_KD: Tensor
    handicap_K: Tensor

    def __init__(self, dim: int, codes: int, generator: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("frozen_KD", torch.randn(codes, dim, generator=generator))
        self.register_buffer("handicap_K", torch.zeros(codes))
        self.weight = nn.Parameter(torch.eye(dim) / dim**0.5)

    def table(self) -> Tensor:
        """The codes ``[K, D]``."""
        return self.frozen_KD @ self.weight

    def commitment(self, left_BD: Tensor, found_BD: Tensor) -> Tensor:
        """Rows are drawn to their codes, and the map draws the codes to their rows."""
        return gradients.squared(left_BD, found_BD.detach()) + CODEBOOK * gradients.squared(found_BD, left_BD.detach())

    def refit(self, left_ND: Tensor, codes_N: Tensor, split: bool, generator: torch.Generator) -> None:
        """Nothing: the frozen vectors under the map cannot move one by one."""

    def start(self, values_ND: Tensor, steps: int, generator: torch.Generator) -> None:
        """Give the codes the second moment of the rows: the map is its square root."""
        moment_DD = (values_ND.T @ values_ND / len(values_ND)).double()
        scales_D, axes_DD = torch.linalg.eigh(moment_DD)
        self.weight.copy_(((axes_DD * scales_D.clamp(min=0).sqrt()) @ axes_DD.T).to(self.weight))

    def update(self, left_BD: Tensor, codes_B: Tensor, seed: Tensor) -> None:
        """Nothing: the optimizer moves the map."""
