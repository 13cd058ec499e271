import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.operations.model.geometry import Geometry
from tests.operations.small import few


def test_the_clip_proper_begins_at_0_after_its_context():
    geometry = Geometry(10.0, 5.0, 1.0)
    assert (geometry.before, geometry.inside, geometry.count) == (10, 50, 60)
    np.testing.assert_allclose(geometry.times_N[[0, 9, 10, 59]], [-1, -0.1, 0, 4.9], atol=1e-6)
    assert geometry.times_N.dtype == np.float32


def test_a_clip_at_the_start_of_its_recording_lacks_the_first_moments():
    geometry = Geometry(10.0, 5.0, 1.0)
    assert geometry.present_N(1.0).all()
    assert geometry.present_N(0.0).tolist() == [False] * 10 + [True] * 50
    assert np.flatnonzero(geometry.present_N(0.37))[0] == 6


@given(st.floats(0, 1), st.sampled_from([5.0, 10.0, 12.5, 30.0]))
def test_as_many_moments_are_present_as_a_clip_has_frames_and_none_is_far_from_its_own(context, fps):
    geometry = Geometry(fps, 5.0, 1.0)
    count = round(context * fps) + geometry.inside
    times, present = geometry.frame_times(count, context), geometry.present_N(context)
    assert present.sum() == count
    assert np.abs(geometry.times_N[present] - times).max() <= 0.5 / fps + 1e-5


def test_the_geometry_of_a_table_is_that_of_its_clips_with_most_context():
    clips = few().clips
    assert clips.context.min() == 0
    assert Geometry.of(clips) == Geometry(5.0, 3.0, 1.0)
    assert Geometry.of(clips[clips.context == 0]) == Geometry(5.0, 3.0, 0.0)


@pytest.mark.parametrize("start", [0.1, 1 / 3, 1234.567])
def test_rounding_of_times_does_not_show(start):
    clips = pd.DataFrame({"fps": [10.0], "start": [start], "end": [start + 5.0], "context": [0.1 + 0.2]})
    assert Geometry.of(clips) == Geometry(10.0, 5.0, 0.3)
