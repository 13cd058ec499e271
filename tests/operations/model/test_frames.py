import pytest
import torch

from kinetrace.operations.model.frames import FrameEncoder


def encoder(pixels: int = 32, width: int = 16) -> FrameEncoder:
    torch.manual_seed(0)
    return FrameEncoder(pixels, width, 0.0).eval()


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(256, (*shape, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def times(count: int, clips: int = 1) -> torch.Tensor:
    return torch.arange(count, dtype=torch.float32).expand(clips, -1)


@pytest.mark.parametrize("pixels", [32, 33, 56, 96])
def test_features_a_frame_at_any_size_of_pictures(pixels):
    assert encoder(pixels)(pictures(2, 3, pixels, pixels), times(3, 2)).shape == (2, 3, 16)


@torch.no_grad()
def test_a_frame_is_seen_by_itself_and_by_its_change_from_the_one_before():
    frames = pictures(1, 4, 32, 32)
    other = frames.clone()
    other[0, 1] = 0
    moved = (encoder()(frames, times(4)) - encoder()(other, times(4))).abs().mean(-1)[0]
    assert moved[[1, 2]].min() > 2 * moved[[0, 3]].max(), "the others notice by the clip's mean alone"


@torch.no_grad()
def test_clips_do_not_depend_on_each_other():
    one, network = pictures(3, 4, 32, 32), encoder()
    found = network(one[1:2], times(4))
    torch.testing.assert_close(network(one, times(4, 3))[1:2], found, atol=1e-5, rtol=0)


@torch.no_grad()
def test_light_and_its_colour_do_not_matter():
    frames, network = (pictures(1, 4, 32, 32) / 3 + 40).byte(), encoder()
    lit = (frames * torch.tensor([2, 1, 2], dtype=torch.uint8)).contiguous()
    torch.testing.assert_close(network(lit, times(4)), network(frames, times(4)), atol=1e-4, rtol=0)


@torch.no_grad()
def test_a_frame_that_is_shown_again_counts_once():
    frames, network = pictures(1, 4, 32, 32), encoder()
    again, when = frames[:, [0, 1, 2, 3, 3, 3]], times(4)[:, [0, 1, 2, 3, 3, 3]]
    torch.testing.assert_close(network(again, when)[:, :4], network(frames, times(4)), atol=1e-5, rtol=0)


def test_a_clip_of_one_colour_is_not_divided_by_0():
    grey = torch.full((1, 2, 32, 32, 3), 9, dtype=torch.uint8)
    assert encoder()(grey, times(2)).isfinite().all()
