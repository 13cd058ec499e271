"""The linear path of one part around the network: it starts as a principal component analysis.

The network then learns only what components cannot say, and no codebook starts from latents worse than theirs.
Shape suffixes: B chunks, I numbers a chunk (standardized positions), D latent dimensions.
"""

import torch
from torch import Tensor, nn


class Basis(nn.Module):
    """``analysis`` from positions to latent vectors, ``synthesis`` back; both are trained on."""

    def __init__(self, size: int, latent: int) -> None:
        super().__init__()
        self.analysis = nn.Linear(size, latent, bias=False)
        self.synthesis = nn.Linear(latent, size, bias=False)

    @torch.no_grad()
    def start(self, moments_II: Tensor, count: int) -> None:
        """Take the leading eigenvectors of the second moments (sums over ``count`` chunks), unit variance on average.

        A latent wider than the positions is filled up with zeros.
        """
        latent = self.analysis.out_features
        values, vectors = torch.linalg.eigh(moments_II.double())
        kept = min(latent, len(values))
        variances = values[-kept:].flip(0).clamp(min=0) / max(count, 1)
        scale = (variances.sum() / latent).sqrt().clamp(min=1e-6)
        leading = signed(vectors[:, -kept:].flip(1))
        self.analysis.weight.zero_()[:kept] = (leading.T / scale).float()
        self.synthesis.weight.zero_()[:, :kept] = (leading * scale).float()


def signed(vectors_IK: Tensor) -> Tensor:
    """Each column with its largest number positive: the sign of an eigenvector is anybody's choice."""
    largest = vectors_IK.gather(0, vectors_IK.abs().argmax(0, keepdim=True))
    return vectors_IK * torch.where(largest < 0, -1.0, 1.0)
