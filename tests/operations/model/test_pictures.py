import numpy as np
import pytest

from kinetrace.operations.model.pictures import LUMA, brightness, chosen, fitted
from tests.operations.squares import params


def test_every_pixel_counts_in_a_smaller_picture():
    frame = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    smaller = fitted(frame, 32)
    expected = frame.reshape(32, 2, 32, 2, 3).mean((1, 3))
    assert smaller.dtype == np.uint8 and np.abs(smaller - expected).max() <= 0.5


def test_brightness_is_that_of_rgb():
    frames = [np.full((90, 120, 3), colour, np.uint8) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    found = brightness(frames)
    assert found.shape == (3, LUMA, LUMA)
    assert found[:, 0, 0].tolist() == [76, 150, 29]  # ITU-R BT.601


def test_a_clip_of_few_frames_is_seen_whole():
    assert chosen(lambda: pytest.fail("looked"), np.arange(8.0), params().model.sampler).tolist() == list(range(8))


def test_uniform_sampling_looks_at_no_picture():
    found = chosen(lambda: pytest.fail("looked"), np.arange(20) / 5, params().model.sampler)
    assert len(found) == 8 and (np.diff(found) > 0).all()


@pytest.mark.parametrize("name", ["entropy", "motion", "hybrid"])
def test_the_other_samplers_look(name):
    looked = []

    def look() -> np.ndarray:
        looked.append(1)
        return np.random.default_rng(0).integers(0, 256, (20, LUMA, LUMA), dtype=np.uint8)

    found = chosen(look, np.arange(20) / 5, params(model__sampler__name=name).model.sampler)
    assert looked and 2 <= len(found) <= 8 and (np.diff(found) > 0).all()
