import math

import pytest
import torch
from vector_quantize_pytorch.vector_quantize_pytorch import rotate_to

from kinetrace.tokens.model.gradients import rotated, straight_through, unevenness
from kinetrace.tokens.model.search import nearest
from tests.tokens.model.quantizers import normal, started


def gradient(join, rows, found, direction):
    rows = rows.clone().requires_grad_()
    joined = join(rows, found)
    assert torch.equal(joined, found)
    (joined * direction).sum().backward()
    return rows.grad


def test_straight_through_passes_the_gradient():
    direction = normal(3)
    assert torch.equal(gradient(straight_through, normal(1), normal(2), direction), direction)


def test_rotation_has_the_gradient_of_the_reference():
    rows, found, direction = normal(1), normal(2), normal(3)
    reference = rows.clone().requires_grad_()
    (rotate_to(reference, found) * direction).sum().backward()
    torch.testing.assert_close(gradient(rotated, rows, found, direction), reference.grad, rtol=1e-4, atol=1e-5)


def test_rotation_keeps_the_angle_between_gradient_and_quantized_values():
    rows, found = normal(1), normal(2)
    turned = gradient(rotated, rows, found, found)  # along the found values: after the rotation, along the rows
    assert torch.nn.functional.cosine_similarity(turned, rows).min() > 0.999


@pytest.mark.parametrize(("rows", "found"), ((0.0, 1.0), (1.0, 0.0), (1.0, -1.0)))
def test_rotation_of_nothing_or_of_opposites_is_finite(rows, found):
    ones = torch.ones(4, 8)
    assert gradient(rotated, rows * ones, found * ones, ones).isfinite().all()


def test_unevenness_is_0_for_even_use_and_1_for_a_single_code():
    codes = 10 * torch.eye(8)
    spread = 0.1 * normal(1, 800)
    assert unevenness(codes[torch.arange(800) % 8] + spread, codes) < 1e-4
    assert unevenness(codes[torch.zeros(800, dtype=torch.long)] + spread, codes) > 0.99
    half = unevenness(codes[torch.arange(800) % 4] + spread, codes)
    assert half == pytest.approx(1 - math.log(4) / math.log(8), abs=1e-3)


def test_usage_has_a_gradient_and_descending_it_evens_the_codes():
    """A regularizer on counts of the chosen codes has none: the choice is no differentiable function of the rows."""
    quantizer = started()
    rows = (0.4 * normal(1) + 0.8).requires_grad_()
    used = [quantizer(rows).codes[:, 0].unique().numel()]
    first = quantizer(rows).usage.item()
    for _ in range(60):
        (slope,) = torch.autograd.grad(quantizer(rows).usage, rows)
        assert slope.norm() > 0
        rows = (rows - 200 * slope).detach().requires_grad_()
    found = quantizer(rows)
    used.append(found.codes[:, 0].unique().numel())
    assert found.usage.item() < 0.7 * first and used[1] > used[0]


@pytest.mark.parametrize("kind", ("vq", "simvq", "fsq"))
def test_usage_reaches_the_rows_from_every_level(kind):
    quantizer = started(kind=kind)
    for level in range(3):
        rows = normal(1).requires_grad_()
        quantizer(rows, dropped=torch.arange(3) != level).usage.backward()
        assert rows.grad is not None and rows.grad.norm() > 1e-6


def test_usage_is_0_when_off_or_evaluating():
    assert started(usage=False)(normal(1)).usage == 0
    assert started().eval()(normal(1)).usage == 0


def test_usage_of_rows_that_are_codes_is_finite():
    rows = normal(1, 16).requires_grad_()
    value = unevenness(rows, rows.detach())
    value.backward()
    assert value.isfinite() and rows.grad.isfinite().all()
    assert torch.equal(nearest(rows.detach(), rows.detach()), torch.arange(16))
