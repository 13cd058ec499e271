import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.moments import Moments

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False, width=32)


@st.composite
def parts(draw):
    """Values and masks of several clips of one width, some empty, some never observed."""
    width = draw(st.integers(1, 3))
    lengths = draw(st.lists(st.integers(0, 6), min_size=1, max_size=6))
    rows = [draw(st.lists(NUMBERS, min_size=length * width, max_size=length * width)) for length in lengths]
    flags = [draw(st.lists(st.booleans(), min_size=length * width, max_size=length * width)) for length in lengths]
    values = [np.array(row, np.float32).reshape(-1, width) for row in rows]
    return values, [np.array(flag, bool).reshape(-1, width) for flag in flags]


def reference(values, observed):
    """NumPy on everything at once, column by column."""
    columns = [values[observed[:, i], i].astype(np.float64) for i in range(values.shape[1])]
    count = [len(column) for column in columns]
    mean = [column.mean() if len(column) else 0.0 for column in columns]
    std = [column.std() if len(column) else 1.0 for column in columns]
    return np.array(count), np.array(mean), np.array(std)


def agree(moments, values, observed):
    count, mean, std = reference(values, observed)
    scale = np.abs(np.where(observed, values, 0)).max(initial=0) * 1e-9 + 1e-300
    np.testing.assert_array_equal(moments.count, count)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-9, atol=scale)
    np.testing.assert_allclose(moments.std, std, rtol=1e-9, atol=scale)


@given(parts(), st.randoms())
@settings(deadline=None, max_examples=150)
def test_any_partition_in_any_order_equals_numpy_on_the_whole(clips, random):
    values, observed = clips
    order = list(range(len(values)))
    random.shuffle(order)
    moments = [Moments.of(values[i], observed[i]) for i in order]
    while len(moments) > 1:  # group neighbours at random until one is left
        cut = random.randint(2, len(moments))
        moments = [Moments.merge(moments[:cut]), *moments[cut:]]
    agree(moments[0], np.concatenate(values), np.concatenate(observed))


def test_far_from_zero_nothing_cancels():
    values = np.random.default_rng(1).normal(1e8, 1.0, size=(1000, 2))
    merged = Moments.merge([Moments.of(part, np.ones(part.shape, bool)) for part in np.split(values, 10)])
    np.testing.assert_allclose(merged.std, values.std(0), rtol=1e-9)


def test_what_was_not_observed_does_not_count_even_when_nan():
    values = np.array([[1.0, np.nan], [3.0, np.inf], [np.nan, -np.inf]])
    observed = np.array([[True, False], [True, False], [False, False]])
    moments = Moments.of(values, observed)
    assert moments.count.tolist() == [2, 0]
    assert moments.mean.tolist() == [2, 0]
    assert moments.std.tolist() == [1, 1]


def test_of_does_not_change_its_input():
    values, observed = np.arange(6.0).reshape(3, 2), np.ones((3, 2), bool)
    Moments.of(values, observed)
    assert values.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_merging_nothing_is_an_error():
    with pytest.raises(ValueError):
        Moments.merge([])
