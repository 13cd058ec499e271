import numpy as np
import pytest

from kinetrace.errors import KinetraceError
from kinetrace.sign.data.frames import checked, thinned


@pytest.mark.parametrize("shape", [(540,), (3, 539), (0, 540), (2, 3, 540), ()])
def test_another_shape_is_refused_in_words(shape):
    with pytest.raises(KinetraceError, match=r"shape \[.*\], expected \[frames, 540\]"):
        checked(np.zeros(shape, np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_values_that_are_not_finite_are_counted(value):
    frames = np.zeros((2, 540))
    frames[1, 7:9] = value
    with pytest.raises(KinetraceError, match="2 values are NaN or infinite"):
        checked(frames)


def test_any_float_becomes_float32():
    assert checked(np.ones((1, 540), np.float16)).dtype == np.float32


@pytest.mark.parametrize("most, kept", [(2, [0, 9]), (4, [0, 3, 6, 9]), (10, list(range(10))), (99, list(range(10)))])
def test_frames_are_thinned_evenly(most, kept):
    frames = np.arange(10)[:, None]
    assert thinned(frames, most).ravel().tolist() == kept
