"""Small quantizers and rows for the tests of ``kinetrace.tokens.model``."""

from typing import Any

import torch
from torch import Tensor

from kinetrace.tokens.model.codebook import Codebook
from kinetrace.tokens.model.quantizer import ResidualQuantizer
from kinetrace.tokens.params import QuantizerParams

KINDS = ("vq", "fsq", "simvq")


def params(**changes: Any) -> QuantizerParams:
    """Three levels of 32 codes, everything optional off but revival."""
    chosen = {"kind": "vq", "levels": 3, "codes": 32, "chunks_per_code": 1, "decay": 0.99, "rotation": False}
    chosen |= {"kmeans": True, "revive": 0.1, "dropout": 0.0, "beam": 2, "evenness": 0.0}
    return QuantizerParams(**{**chosen, **changes})


def draw(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(seed: int, rows: int = 512, dim: int = 8) -> Tensor:
    return torch.randn(rows, dim, generator=draw(seed))


def started(dim: int = 8, usage: bool = True, **changes: Any) -> ResidualQuantizer:
    """A training quantizer, started on 512 normal rows."""
    chosen = params(**changes)
    quantizer = ResidualQuantizer(dim, chosen.levels, chosen.codes, chosen, usage)
    quantizer.start(normal(99, dim=dim), seed=3)
    return quantizer


def books(quantizer: ResidualQuantizer) -> list[Codebook]:
    return [module for module in quantizer.modules() if isinstance(module, Codebook)]


def drifting(step: int, generator: torch.Generator, rows: int, dim: int = 8, centres: int = 40) -> Tensor:
    """Rows of clusters of very different sizes, whose centres move with the steps."""
    base, direction = normal(5, centres, dim), normal(6, centres, dim)
    sizes = torch.randn(centres, generator=draw(7)).softmax(0)
    chosen = torch.multinomial(sizes, rows, replacement=True, generator=generator)
    noise = torch.randn(rows, dim, generator=generator)
    return (base + direction * step / 1000)[chosen] + 0.5 * noise
