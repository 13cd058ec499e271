import pytest
import torch

from kinetrace.operations.model.frames import FrameEncoder


def encoder(pixels: int = 32, width: int = 16) -> FrameEncoder:
    torch.manual_seed(0)
    return FrameEncoder(pixels, width, 0.0).eval()


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(256, (*shape, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("pixels", [32, 33, 56, 96])
def test_features_a_frame_at_any_size_of_pictures(pixels):
    assert encoder(pixels)(pictures(2, 3, pixels, pixels)).shape == (2, 3, 16)


@torch.no_grad()
def test_a_frame_is_seen_by_itself_and_by_its_change_from_the_one_before():
    frames = pictures(1, 4, 32, 32)
    other = frames.clone()
    other[0, 1] = 0
    moved = (encoder()(frames) != encoder()(other)).any(-1)
    assert moved.tolist() == [[False, True, True, False]]


@torch.no_grad()
def test_clips_do_not_depend_on_each_other():
    one, network = pictures(3, 4, 32, 32), encoder()
    torch.testing.assert_close(network(one)[1:2], network(one[1:2]), atol=1e-5, rtol=0)


def test_normalized_colours_have_mean_0_and_spread_1():
    frames, network = (pictures(4, 32, 32).float() * torch.tensor([1.0, 0.5, 0.2])).byte(), encoder()
    network.normalize(frames)
    values = (frames - network.mean_4[:3]) / network.std_4[:3]
    torch.testing.assert_close(values.flatten(0, 2).mean(0), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(values.flatten(0, 2).std(0), torch.ones(3), atol=1e-4, rtol=0)


def test_a_colour_that_never_changes_is_not_divided_by_0():
    network = encoder()
    network.normalize(torch.full((2, 32, 32, 3), 9, dtype=torch.uint8))
    assert network(torch.full((1, 2, 32, 32, 3), 9, dtype=torch.uint8)).isfinite().all()
