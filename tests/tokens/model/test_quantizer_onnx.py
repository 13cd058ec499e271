"""``encode`` and ``decode`` as an ONNX graph, against PyTorch."""

import logging
import warnings

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from tests.tokens.model.quantizers import KINDS, normal, started


class Both(nn.Module):
    """Rows to codes, and codes to values."""

    def __init__(self, quantizer):
        super().__init__()
        self.quantizer = quantizer

    def forward(self, rows, codes):
        return self.quantizer.encode(rows), self.quantizer.decode(codes)


def session(model, examples):
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    shapes = tuple({0: torch.export.Dim(name)} for name in ("rows", "coded"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model.eval(), examples, dynamo=True, opset_version=18, dynamic_shapes=shapes, verbose=False,
            input_names=["rows", "codes"],
        )  # fmt: skip
    return onnxruntime.InferenceSession(program.model_proto.SerializeToString())


@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_gives_the_codes_and_the_values(kind):
    quantizer = started(kind=kind).eval().requires_grad_(False)
    rows = normal(1)
    codes = quantizer.encode(rows)
    coded = codes.clone()
    coded[::5, 1:] = -1
    graph = session(Both(quantizer), (rows[:3], coded[:4]))
    found, values = graph.run(None, {"rows": rows.numpy(), "codes": coded.numpy()})
    assert np.array_equal(found, codes.numpy())
    np.testing.assert_allclose(values, quantizer.decode(coded).numpy(), atol=1e-5)
