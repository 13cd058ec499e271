"""The small network's size is the network's, and what a clip costs grows with what is shown."""

import pytest
import torch

from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.size import measure
from kinetrace.operations.model.tcn import OperationsNet
from kinetrace.operations.params import TcnParams

PARAMS = TcnParams(pixels=48, width=16, depth=2, dropout=0.0)
GEOMETRY = Geometry(10.0, 5.0, 1.0)


def test_parameters_are_those_of_the_network():
    model = OperationsNet(PARAMS, GEOMETRY, 7)
    assert measure(PARAMS, GEOMETRY, 7, 5).parameters == sum(weight.numel() for weight in model.parameters())


def test_a_clip_costs_more_with_more_frames_and_larger_pictures():
    base, longer = (measure(PARAMS, GEOMETRY, 7, frames) for frames in (5, 10))
    larger = measure(PARAMS.model_copy(update={"pixels": 96}), GEOMETRY, 7, 5)
    for other in (longer, larger):
        assert base.keeps < other.keeps and base.passes < other.passes and base.widest < other.widest
    assert longer.widest == pytest.approx(2 * base.widest)


def test_a_clip_keeps_at_least_the_first_convolutions_pictures():
    found = measure(PARAMS, GEOMETRY, 7, 5)
    assert found.keeps > found.widest >= 5 * 24 * 24 * (16 // 8) * 4
    assert found.passes > 5 * 2 * 9 * 4 * 2 * 24 * 24


def test_measuring_leaves_random_numbers_alone():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        expected = torch.rand(3)
        torch.manual_seed(1)
        measure(PARAMS, GEOMETRY, 7, 5)
        assert torch.equal(torch.rand(3), expected)
