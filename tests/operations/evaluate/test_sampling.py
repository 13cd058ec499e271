import pytest

from kinetrace.operations.evaluate import sampling
from kinetrace.operations.evaluate.report import chosen
from tests.operations import squares
from tests.operations.evaluate.knowing import Knowing


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return chosen(squares.shards(tmp_path_factory.mktemp("squares"), people=3, seconds=20.0))


def test_the_same_model_is_judged_with_as_many_frames_of_every_sampler(shards):
    rows = sampling.compare(Knowing(), shards, squares.params().evaluate)
    assert [row["sampler"] for row in rows] == ["uniform", "entropy", "motion", "hybrid"]
    for row in rows:
        assert 0 <= row["boundary_recall"] <= 1
        assert set(row["metrics"]) == {"oca", "tiou", "aa1"}
        assert row["metrics"]["oca"]["change"] == 0, "this model looks at no frame"


def test_every_frame_finds_every_boundary_and_two_frames_do_not(shards):
    sampler = squares.params().model.sampler
    assert sampling.recall(shards, sampler.model_copy(update={"frames": 99})) == 1
    assert sampling.recall(shards, sampler.model_copy(update={"frames": 2})) < 0.5


def test_boundaries_are_those_between_segments_inside_the_clip():
    told = '[[-1.0, 0.5, "a"], [0.5, 2.0, "b"], [2.0, 5.0, "a"]]'
    assert sampling.inner(told, 4.9) == [0.5, 2.0]
    assert sampling.inner('[[0.0, 5.0, "a"]]', 4.9) == []
