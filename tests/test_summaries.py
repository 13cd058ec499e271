import numpy as np
import pytest

from kinetrace import summaries
from kinetrace.moments import Moments
from kinetrace.summaries import Summary
from tests.workspaces import Walk, deliver, walk


def frames() -> np.ndarray:
    """``[20, 5]`` that stands still but for one jump of length 2, with one value not observed."""
    found = np.zeros((20, 5), np.float32)
    found[10:, 1] = 2
    found[3, 0] = np.nan
    return found


@pytest.fixture
def summary(tmp_path) -> Summary:
    return Summary.of(Walk(tmp_path / "reads.log"), frames())


def test_a_summary_is_of_the_features_and_of_the_energy_of_motion(summary):
    assert summary.motion_mean == pytest.approx(2 / 20)
    assert summary.motion_max == 2
    assert summary.motion_p95 == pytest.approx(0.1)  # between the 19th, 0, and the 20th, 2
    assert summary.moments.count.tolist() == [19, 20, 20, 20, 20]
    assert summary.moments.mean.tolist() == [0, 2, 0, 0, 0]  # features are twice the frames


def test_unpack_is_the_inverse_of_pack(summary):
    back = Summary.unpack(summary.pack())
    assert back.pack() == summary.pack()
    assert (back.motion_mean, back.motion_p95, back.motion_max) == (
        summary.motion_mean, summary.motion_p95, summary.motion_max,
    )  # fmt: skip
    assert isinstance(back.moments, Moments)
    np.testing.assert_array_equal(back.moments.m2, summary.moments.m2)


def test_summaries_come_in_the_order_of_the_clips_and_each_clip_is_read_once(tmp_path):
    job = walk(tmp_path)
    clips = deliver(job, 6)
    first = list(summaries.summaries(job, clips))
    assert [digest for digest, _ in first] == clips.digest.tolist()
    assert sorted(job.workload.reads()) == sorted(clips.source)
    backwards = list(summaries.summaries(job, clips.iloc[::-1]))
    assert [found.pack() for _, found in backwards[::-1]] == [found.pack() for _, found in first]
    assert job.workload.reads() == []
