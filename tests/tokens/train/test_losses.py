import numpy as np
import pytest
import torch

from kinetrace.tokens.model.network import Windows
from kinetrace.tokens.train import losses
from tests.tokens.clips import random_windows

STRIDE = 4
SPREAD = torch.tensor(0.5)


def found(windows: Windows, seed: int = 1) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return windows.positions_BLK2 + 0.2 * torch.randn(windows.positions_BLK2.shape, generator=draw)


def smooth(error: float) -> float:
    return 0.5 * error**2 / losses.BEND if abs(error) < losses.BEND else abs(error) - 0.5 * losses.BEND


def by_loop(predicted, wanted, weights) -> float:
    """The weighted mean, one number at a time."""
    total, weight = 0.0, 0.0
    for index in np.ndindex(*weights.shape):
        for axis in (0, 1):
            error = float(predicted[(*index, axis)] - wanted[(*index, axis)]) / float(SPREAD)
            total += float(weights[index]) * smooth(error)
            weight += float(weights[index])
    return total / weight


def parts(windows: Windows):
    weights = windows.values_BLK5[..., 2] * windows.known_BK[:, None] * windows.mask_BL[..., None]
    return windows.positions_BLK2.numpy(), weights.numpy()


def test_position_is_the_mean_weighted_by_scores():
    windows = random_windows(12, 4)
    own = found(windows)
    wanted, weights = parts(windows)
    assert losses.position(own, windows, SPREAD).item() == pytest.approx(
        by_loop(own.numpy(), wanted, weights), rel=1e-4
    )


def test_velocity_needs_both_frames():
    windows = random_windows(12, 4)
    own = found(windows)
    wanted, weights = parts(windows)
    both = np.minimum(weights[:, 1:], weights[:, :-1])
    expected = by_loop(np.diff(own.numpy(), axis=1), np.diff(wanted, axis=1), both)
    assert losses.velocity(own, windows, SPREAD).item() == pytest.approx(expected, rel=1e-4)


def test_temporal_compares_the_frames_that_neighbours_share():
    windows = random_windows(12, 4)
    own, pairs = found(windows), torch.tensor([[0, 1], [3, 2], [8, 9]])
    _, weights = parts(windows)
    before, after = pairs.T.numpy()
    both = np.minimum(weights[before, STRIDE:], weights[after, : 10 - STRIDE])
    assert (both == 0).any() and (both > 0).any()
    expected = by_loop(own.numpy()[before, STRIDE:], own.numpy()[after, : 10 - STRIDE], both)
    assert losses.temporal(own, windows, pairs, STRIDE, SPREAD).item() == pytest.approx(expected, rel=1e-4)


def test_two_views_of_one_movement_have_no_temporal_loss_even_in_padding():
    """A clip of 11 frames: the second chunk holds frames 4 to 10 and padding, which says nothing."""
    track = torch.randn(11, 3, 2, generator=torch.Generator().manual_seed(0))
    index = torch.stack([torch.arange(10), torch.arange(4, 14)])
    values = torch.ones(2, 10, 3, 5)
    values[..., :2] = track[index.clamp(max=10)]
    windows = Windows(values, torch.ones(2, 3, dtype=torch.bool), index < 11)
    own = values[..., :2].clone()
    own[1, 7:] = 50
    pairs = torch.tensor([[0, 1]])
    assert losses.temporal(own, windows, pairs, STRIDE, SPREAD) == 0
    own[1, 0] += 1
    assert losses.temporal(own, windows, pairs, STRIDE, SPREAD) > 0
    own[1, 0] -= 1
    own[0, 3] += 1  # before the frames they share
    assert losses.temporal(own, windows, pairs, STRIDE, SPREAD) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", ["position", "velocity", "temporal"])
def test_padding_unknown_and_unsure_points_decide_nothing(name):
    windows = random_windows(12, 4)
    values = windows.values_BLK5.clone()
    values[..., 2] *= values[..., 2] > 0.3
    windows = Windows(values, windows.known_BK, windows.mask_BL)
    pairs = (torch.tensor([[2, 3], [5, 4]]), STRIDE) if name == "temporal" else ()
    counts = (windows.weights_BLK > 0)[..., None]
    own, results = found(windows), []
    for filling in (0.0, 1e3, -7.0):
        other = Windows(torch.where(counts, values, filling * (values < 9)), windows.known_BK, windows.mask_BL)
        other.values_BLK5[..., 2] = values[..., 2]
        results.append(getattr(losses, name)(torch.where(counts, own, -filling), other, *pairs, SPREAD))
    assert results[0] > 0 and all(torch.equal(result, results[0]) for result in results)


@pytest.mark.parametrize("name", ["position", "velocity", "temporal"])
def test_gradients_reach_what_counts_and_nothing_else(name):
    windows = random_windows(12, 4)
    own = found(windows).requires_grad_()
    pairs = (torch.tensor([[2, 3], [5, 4]]), STRIDE) if name == "temporal" else ()
    getattr(losses, name)(own, windows, *pairs, SPREAD).backward()
    moved = own.grad.abs().sum(-1) > 0
    assert torch.isfinite(own.grad).all() and not moved[windows.weights_BLK == 0].any()
    rows = moved.any((1, 2)).nonzero()[:, 0].tolist()
    frames = windows.mask_BL.sum(1)
    expected = {"position": range(12), "velocity": (frames > 1).nonzero()[:, 0].tolist(), "temporal": [2, 3, 4, 5]}
    assert rows == list(expected[name])


@pytest.mark.parametrize("count", [0, 3])
def test_where_nothing_counts_losses_are_zero_with_a_gradient_of_zero(count):
    windows = random_windows(count, 4)
    windows = Windows(windows.values_BLK5, torch.zeros_like(windows.known_BK), windows.mask_BL)
    own = found(windows).requires_grad_()
    pairs = torch.zeros(min(count, 1), 2, dtype=torch.int64)
    total = losses.position(own, windows, SPREAD) + losses.velocity(own, windows, SPREAD)
    for some in (pairs, pairs[:0]):
        total = total + losses.temporal(own, windows, some, STRIDE, SPREAD)
    total.backward()
    assert total == 0 and not own.grad.any()


def test_chunks_that_share_no_frame_have_no_temporal_loss():
    windows = random_windows(2, 4)
    assert losses.temporal(found(windows), windows, torch.tensor([[0, 1]]), 10, SPREAD) == 0


def test_an_error_at_the_bend_is_smooth():
    error = torch.tensor([0.0, 0.05, 0.1, -0.1, 0.3])
    assert losses.smooth_l1(error, torch.zeros(5)).tolist() == pytest.approx([0, 0.0125, 0.05, 0.05, 0.25])
