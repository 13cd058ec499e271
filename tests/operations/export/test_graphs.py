"""The graph against PyTorch, at any number of clips and frames."""

from functools import cache

import numpy as np
import onnx
import pytest
import torch

from kinetrace.operations.export import graphs
from kinetrace.operations.model.inference import outputs
from kinetrace.operations.runtime.predictor import INPUTS, OUTPUTS
from kinetrace.sessions import session
from tests.operations.small import few, seen, untrained


@cache
def graph() -> bytes:
    return graphs.network_bytes(untrained(), 18)


def test_all_outputs_are_as_pytorch_gives_them_on_real_clips():
    assert graphs.parity(untrained(), graph(), few(), 6) < 1e-5


def test_parity_sees_another_network():
    other = untrained(model__tcn__dropout=0.5)
    torch.nn.init.normal_(other.model.operation.weight)
    assert graphs.parity(other, graph(), few(), 6) > 1e-3


@pytest.mark.parametrize("clips, frames", [((0,), 2), ((3,), 8), ((0, 1, 2, 3, 4), 15)])
def test_any_number_of_clips_and_frames_runs(clips, frames):
    looks = seen(*clips, model__sampler__frames=frames)
    with torch.inference_mode():
        expected = outputs(untrained().model, looks)
    arrays = [array.numpy() for array in (looks.frames_BnPP3, looks.times_Bn, looks.present_BN)]
    for found, truth in zip(
        session(graph(), "").run(list(OUTPUTS), dict(zip(INPUTS, arrays, strict=True))), expected, strict=True
    ):
        np.testing.assert_allclose(found, truth.numpy(), atol=1e-5)


def test_clips_and_frames_are_dynamic_and_nothing_else():
    proto = onnx.load_from_string(graph())
    onnx.checker.check_model(proto)
    assert proto.opset_import[0].version >= 18
    shapes = {
        one.name: [dim.dim_param or dim.dim_value for dim in one.type.tensor_type.shape.dim]
        for one in (*proto.graph.input, *proto.graph.output)
    }
    assert shapes == {
        "frames": ["clips", "frames", 32, 32, 3], "times": ["clips", "frames"], "present": ["clips", 20],
        "operation": ["clips", 3], "spans": ["clips", 15, 15], "next": ["clips", 3], "moments": ["clips", 15, 3],
    }  # fmt: skip


def test_the_bytes_are_the_same_again_and_say_nothing_of_the_folder_that_they_were_made_in(tmp_path):
    graphs.write_graph(untrained(), tmp_path, 18)
    assert (tmp_path / "network.onnx").read_bytes() == graph()
    assert b"kinetrace/" not in graph() and b"site-packages" not in graph()


def test_settings_say_what_the_checkpoint_knows():
    checkpoint = untrained()
    found = graphs.settings(checkpoint)
    assert found.geometry == checkpoint.geometry and tuple(found.labels) == checkpoint.labels
    assert found.pixels == 32 and found.sampler == checkpoint.params.sampler
