import math

import pytest
import torch
from torch.nn import functional as F

from kinetrace.operations.model.targets import NOTHING
from kinetrace.operations.train import losses


def test_labels_cost_their_cross_entropy_and_nothing_is_left_out():
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    found = losses.label(logits, torch.tensor([2, NOTHING, 0, NOTHING]), 0.1)
    expected = F.cross_entropy(logits[[0, 2]], torch.tensor([2, 0]), label_smoothing=0.1)
    torch.testing.assert_close(found, expected)


def test_without_any_label_the_loss_is_0_and_can_be_learned_from():
    logits = torch.randn(2, 3, requires_grad=True)
    loss = losses.label(logits, torch.full((2,), NOTHING), 0.1, torch.ones(3))
    loss.backward()
    assert loss == 0 and not logits.grad.any()


def test_rare_labels_can_weigh_more():
    logits = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    wanted, weights = torch.tensor([0, 1, NOTHING]), torch.tensor([1.0, 3.0])
    each = F.cross_entropy(logits[:2], wanted[:2], reduction="none")
    torch.testing.assert_close(losses.label(logits, wanted, 0.0, weights), (each[0] + 3 * each[1]) / 4)


def uniform(count: int) -> torch.Tensor:
    forward = torch.ones(1, count, count).triu() > 0
    return torch.where(forward, 0.0, -1e9).flatten(1).log_softmax(1).view(1, count, count)


def test_every_span_is_as_wrong_as_another_where_nothing_is_known():
    for span in ((0.0, 4.0), (1.3, 2.2)):
        loss = losses.span(uniform(4), torch.tensor([span]), torch.tensor([True]))
        assert loss.item() == pytest.approx(math.log(10), abs=1e-5)


def test_the_true_span_costs_least_and_a_near_one_less_than_a_far_one():
    def cost(first: int, last: int) -> float:
        scores = uniform(8).clone()
        scores[0, first, last] += 5
        spans = torch.where(torch.ones(8, 8).triu() > 0, scores, -1e9).flatten(1).log_softmax(1).view(1, 8, 8)
        return losses.span(spans, torch.tensor([[2.0, 5.0]]), torch.tensor([True])).item()

    assert cost(2, 4) < cost(2, 5) < cost(2, 7)
    assert cost(2, 4) < cost(1, 4) < cost(0, 4)


def test_clips_without_an_operation_have_no_span():
    spans = torch.cat([uniform(4), uniform(4) * 0.5])
    wanted = torch.tensor([[0.0, 4.0], [0.0, 1.0]])
    both = losses.span(spans, wanted, torch.tensor([True, False]))
    torch.testing.assert_close(both, losses.span(spans[:1], wanted[:1], torch.tensor([True])))
    assert losses.span(spans, wanted, torch.tensor([False, False])) == 0
