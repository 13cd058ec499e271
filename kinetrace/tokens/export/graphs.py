"""The tokenizer as two ONNX graphs over all parts: chunks to codes, codes to positions.

Shape suffixes: N chunks, L frames a chunk, K points of the part, Q levels.
"""

import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from kinetrace.tokens.data.landmarks import PARTS
from kinetrace.tokens.model.network import VALUES_A_POINT, PoseTokenizer, Windows
from kinetrace.tokens.params import ModelParams
from kinetrace.tokens.runtime.tokenizer import DECODER, ENCODER

EXAMPLE = 3  # chunks to trace with; any other number runs


class Encoder(nn.Module):
    """Values and known points of each part, and the mask, to codes; what a part that is absent gets means nothing."""

    def __init__(self, model: PoseTokenizer) -> None:
        super().__init__()
        self.model = model

    def forward(self, values: list[Tensor], known: list[Tensor], mask_NL: Tensor) -> list[Tensor]:
        """``[N, Q]`` a part; all lists are in the order of the parts."""
        pairs = zip(self.model.parts, values, known, strict=True)
        return [self.model.encode(part, Windows(own, seen, mask_NL)) for part, own, seen in pairs]


class Decoder(nn.Module):
    """Codes of each part to positions; a level of -1 adds nothing."""

    def __init__(self, model: PoseTokenizer) -> None:
        super().__init__()
        self.model = model

    def forward(self, codes: list[Tensor]) -> list[Tensor]:
        """``[N, L, K, 2]`` a part; all lists are in the order of the parts."""
        return [self.model.decode(part, own) for part, own in zip(self.model.parts, codes, strict=True)]


def write_graphs(model: PoseTokenizer, params: ModelParams, target: Path, opset: int) -> None:
    """``encoder.onnx`` and ``decoder.onnx`` of a model in evaluation mode, the number of chunks dynamic."""
    (target / ENCODER).write_bytes(encoder_bytes(model, params, opset))
    (target / DECODER).write_bytes(decoder_bytes(model, params, opset))


def encoder_bytes(model: PoseTokenizer, params: ModelParams, opset: int) -> bytes:
    """Inputs ``values_PART`` float32 [N, L, K, 5] and ``known_PART`` bool [N, K] a part, then ``mask`` bool [N, L];
    outputs ``codes_PART`` int64 [N, Q]."""
    parts, length = model.parts, params.length
    points = [PARTS[part].stop - PARTS[part].start for part in parts]
    values = [torch.zeros(EXAMPLE, length, size, VALUES_A_POINT) for size in points]
    known = [torch.ones(EXAMPLE, size, dtype=torch.bool) for size in points]
    mask = torch.ones(EXAMPLE, length, dtype=torch.bool)
    names = [*(f"values_{part}" for part in parts), *(f"known_{part}" for part in parts), "mask"]
    return _onnx(Encoder(model), (values, known, mask), names, [f"codes_{part}" for part in parts], opset)


def decoder_bytes(model: PoseTokenizer, params: ModelParams, opset: int) -> bytes:
    """Inputs ``codes_PART`` int64 [N, Q]; outputs ``positions_PART`` float32 [N, L, K, 2], in eye distances."""
    parts = model.parts
    codes = [torch.zeros(EXAMPLE, params.quantizer.levels, dtype=torch.int64) for _ in parts]
    names, outputs = [f"codes_{part}" for part in parts], [f"positions_{part}" for part in parts]
    return _onnx(Decoder(model), (codes,), names, outputs, opset)


def _onnx(graph: nn.Module, example: tuple, inputs: list[str], outputs: list[str], opset: int) -> bytes:
    chunks = torch.export.Dim("chunks", min=1, max=1 << 20)
    shapes = torch.utils._pytree.tree_map(lambda tensor: {0: chunks}, example)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            graph.eval(), example, dynamo=True, opset_version=opset, verbose=False, external_data=False,
            input_names=inputs, output_names=outputs, dynamic_shapes=shapes,
        )  # fmt: skip
    assert program is not None
    proto = program.model_proto
    for node in (*proto.graph.node, *(node for function in proto.functions for node in function.node)):
        del node.metadata_props[:]  # stack traces name the folder of this checkout: another would have other bytes
    return bytes(proto.SerializeToString(deterministic=True))
