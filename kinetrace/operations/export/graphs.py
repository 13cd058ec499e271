"""The small network as one ONNX graph, and how far its answers are from PyTorch's."""

import logging
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kinetrace.operations.model.batches import Corpus, Samples, Seen
from kinetrace.operations.model.checkpoint import Checkpoint
from kinetrace.operations.model.inference import Outputs, outputs
from kinetrace.operations.model.tcn import OperationsNet
from kinetrace.operations.runtime.predictor import INPUTS, NETWORK, OUTPUTS
from kinetrace.operations.runtime.settings import Settings
from kinetrace.sessions import session

EXAMPLE_CLIPS, EXAMPLE_FRAMES = 2, 5  # to trace with; any other numbers run


class Answers(nn.Module):
    """Frames, times and present moments to ``OUTPUTS``."""

    def __init__(self, model: OperationsNet) -> None:
        super().__init__()
        self.model = model

    def forward(self, frames_BnPP3: Tensor, times_Bn: Tensor, present_BN: Tensor) -> Outputs:
        return outputs(self.model, Seen(frames_BnPP3, times_Bn, present_BN))


def settings(checkpoint: Checkpoint) -> Settings:
    """What a bundle's ``model_config.json`` holds under ``operations``."""
    params, geometry = checkpoint.params, checkpoint.geometry
    return Settings(
        labels=list(checkpoint.labels), fps=geometry.fps, seconds=geometry.seconds, context=geometry.context,
        pixels=params.tcn.pixels, sampler=params.sampler,
    )  # fmt: skip


def write_graph(checkpoint: Checkpoint, target: Path, opset: int) -> None:
    """``network.onnx`` in the folder ``target``."""
    (target / NETWORK).write_bytes(network_bytes(checkpoint, opset))


def network_bytes(checkpoint: Checkpoint, opset: int) -> bytes:
    """The graph; the same bytes for the same weights.

    Inputs ``frames`` uint8 [clips, frames, P, P, 3], RGB in order of time; ``times`` float32 [clips, frames], seconds
    from the clip's start; ``present`` bool [clips, N], which moments of context and clip there are. Outputs float32
    probabilities: ``operation`` [clips, K], ``spans`` [clips, T, T] by first and last moment of that operation,
    ``next`` [clips, K], ``moments`` [clips, T, K].
    """
    pixels, count = checkpoint.params.tcn.pixels, checkpoint.geometry.count
    clips, frames = torch.export.Dim("clips", min=1, max=4096), torch.export.Dim("frames", min=2, max=4096)
    example = (
        torch.zeros(EXAMPLE_CLIPS, EXAMPLE_FRAMES, pixels, pixels, 3, dtype=torch.uint8),
        torch.zeros(EXAMPLE_CLIPS, EXAMPLE_FRAMES),
        torch.ones(EXAMPLE_CLIPS, count, dtype=torch.bool),
    )
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Answers(checkpoint.model).eval(), example, dynamo=True, opset_version=opset, verbose=False,
            external_data=False, input_names=list(INPUTS), output_names=list(OUTPUTS),
            dynamic_shapes=({0: clips, 1: frames}, {0: clips, 1: frames}, {0: clips}),
        )  # fmt: skip
    assert program is not None
    proto = program.model_proto
    for node in (*proto.graph.node, *(node for function in proto.functions for node in function.node)):
        del node.metadata_props[:]  # stack traces name the folder of this checkout: another would have other bytes
    return bytes(proto.SerializeToString(deterministic=True))


def parity(checkpoint: Checkpoint, graph: bytes, shards: Samples, clips: int) -> float:
    """Largest difference of any probability to PyTorch's over at most ``clips`` clips from all over ``shards``."""
    corpus = Corpus(shards, checkpoint.geometry, checkpoint.params.tcn.pixels, checkpoint.params.sampler)
    chosen = np.unique(np.linspace(0, len(corpus) - 1, clips).round().astype(int))
    seen = Seen.of([corpus.look(index) for index in chosen.tolist()])
    with torch.inference_mode():
        truth = [found.numpy() for found in outputs(checkpoint.model.eval(), seen)]
    arrays = (seen.frames_BnPP3.numpy(), seen.times_Bn.numpy(), seen.present_BN.numpy())
    served = session(graph, NETWORK).run(list(OUTPUTS), dict(zip(INPUTS, arrays, strict=True)))
    return max(float(np.abs(one - other).max()) for one, other in zip(served, truth, strict=True))
