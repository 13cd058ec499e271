"""One ONNX file of a module."""

import logging
import warnings
from typing import Any

import torch
from torch import Tensor, nn


def onnx_graph(
    module: nn.Module, example: tuple[Tensor, ...], shapes: tuple[dict[int, Any], ...],
    names: tuple[list[str], list[str]], opset: int,
) -> bytes:  # fmt: skip
    """The same bytes for the same module, wherever it is exported.

    Args:
        module: called with ``example`` alone.
        example: inputs whose dynamic sizes are all different and above 1.
        shapes: the dynamic axes of each.
        names: of the inputs and of the outputs.
        opset: of ONNX.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(), example, dynamo=True, opset_version=opset, verbose=False, external_data=False,
            input_names=names[0], output_names=names[1], dynamic_shapes=shapes,
        )  # fmt: skip
    assert program is not None
    proto = program.model_proto
    for node in (*proto.graph.node, *(node for function in proto.functions for node in function.node)):
        del node.metadata_props[:]  # stack traces name the folder of this checkout: another would have other bytes
    return bytes(proto.SerializeToString(deterministic=True))
