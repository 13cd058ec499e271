import pytest
import torch

from kinetrace.tokens.model.quantizer import ResidualQuantizer
from kinetrace.tokens.params import QuantizerParams


def params(**changes) -> QuantizerParams:
    chosen = {"kind": "vq", "levels": 3, "codes": 32, "chunks_per_code": 1, "decay": 0.99, "rotation": False}
    chosen |= {"kmeans": True, "revive": 0.1, "dropout": 0.0}
    return QuantizerParams(**{**chosen, **changes})


@pytest.fixture
def rows() -> torch.Tensor:
    return torch.randn(512, 8, generator=torch.Generator().manual_seed(1))


def test_codes_decode_to_the_values(rows):
    quantizer = ResidualQuantizer(8, 3, 32, params())
    quantizer.start(rows, 0)
    for _ in range(5):
        quantizer(rows)
    quantizer.eval()
    found = quantizer(rows)
    assert found.codes.shape == (512, 3) and found.codes.dtype == torch.int64
    assert torch.equal(found.codes, quantizer.encode(rows))
    assert torch.equal(found.values, quantizer.decode(found.codes))
    assert (found.values - rows).square().mean() < 0.2
