import numpy as np
import pytest
import torch

from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.targets import NOTHING, Targets
from kinetrace.operations.train.objective import Batch, Objective, Truth, balance
from tests.operations.small import few, seen, untrained
from tests.operations.squares import LABELS, params


def batch(**values: torch.Tensor) -> Batch:
    clips = few().clips
    truth = vars(Truth.of(Targets.of(clips, LABELS, Geometry.of(clips)).take(np.array([0, 1, 2]))))
    return Batch(seen(0, 1, 2), Truth(**truth | values))


def objective(**changes) -> Objective:
    return Objective(untrained().model, params(**changes).loss, torch.ones(len(LABELS)))


@torch.no_grad()
def test_the_loss_is_the_weighted_sum_of_its_parts():
    found = objective(loss__operation=0.5, loss__frame=2.0, loss__span=0.25, loss__next=3.0)(batch())
    assert list(found) == ["operation", "frame", "span", "next", "loss"]
    weighted = 0.5 * found["operation"] + 2 * found["frame"] + 0.25 * found["span"] + 3 * found["next"]
    torch.testing.assert_close(found["loss"], weighted)


@torch.no_grad()
@pytest.mark.parametrize(
    "field, silent",
    [("next_B", {"next"}), ("moment_BN", {"frame"}), ("operation_B", {"operation", "span"})],
)
def test_what_is_not_known_costs_nothing(field, silent):
    unknown = torch.full_like(getattr(batch().truth, field), NOTHING)
    found = objective()(batch(**{field: unknown}))
    assert {name for name, value in found.items() if value == 0} == silent


@torch.no_grad()
def test_moments_of_the_context_are_not_judged():
    truth = batch().truth.moment_BN.clone()
    truth[:, :5] = NOTHING
    torch.testing.assert_close(objective()(batch(moment_BN=truth))["frame"], objective()(batch())["frame"])


def test_rare_operations_weigh_more_by_the_square_root_and_moments_weigh_1_on_average():
    moments = torch.tensor([[0] * 16 + [1] * 4 + [NOTHING] * 7 + [2]])
    weights = balance(moments, 4)
    torch.testing.assert_close(weights[1] / weights[0], torch.tensor(2.0))
    torch.testing.assert_close(weights[2] / weights[0], torch.tensor(4.0))
    torch.testing.assert_close(weights[moments[moments != NOTHING]].mean(), torch.tensor(1.0), atol=0.1, rtol=0)
    assert weights[3] == weights[2]
