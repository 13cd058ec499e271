import pickle

import numpy as np
import pytest

from kinetrace.clips import read_table
from kinetrace.errors import KinetraceError
from kinetrace.shards import Shards
from tests.stages.test_shards import run
from tests.workspaces import walk


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    return run(walk(tmp_path_factory.mktemp("walk")), 40)


@pytest.fixture
def job(delivered, tmp_path):
    """A workspace of the test's own, to be damaged at will."""
    import shutil

    shutil.copytree(delivered.folders.workspace.root, tmp_path, dirs_exist_ok=True)
    return walk(tmp_path)


@pytest.fixture
def shards(job):
    return Shards.open(job.folders.shards)


def test_every_clip_is_read_as_it_was_written(shards, job):
    assert len(shards) == 40
    for index, clip in enumerate(shards.clips.itertuples()):
        frames = shards.frames(index)
        np.testing.assert_array_equal(frames, np.load(job.raw / clip.source))
        assert frames.dtype == np.float32


def test_frames_are_aligned_read_only_views(shards):
    frames = shards.frames(0)
    assert not frames.flags.owndata
    assert not frames.flags.writeable
    assert frames.flags.aligned
    with pytest.raises(ValueError):
        frames[0, 0] = 1


def test_a_subset_has_its_own_numbering(shards):
    test = shards.subset("test")
    assert len(test) == (shards.clips.split == "test").sum() > 0
    whole = {clip.clip_id: shards.frames(i) for i, clip in enumerate(shards.clips.itertuples())}
    for index, clip in enumerate(test.clips.itertuples()):
        assert clip.split == "test"
        np.testing.assert_array_equal(test.frames(index), whole[clip.clip_id])
    assert len(shards.subset("nothing")) == 0


def test_the_columns_are_the_clip_table_with_places(shards, job):
    table = read_table(job.folders.split_table)
    assert set(shards.clips.columns) == {*table.columns, "shard", "offset", "size", "rows", "width"}
    assert set(shards.clips.clip_id) == set(table.clip_id)
    assert (shards.clips.rows == shards.clips.num_frames).all()


def test_it_pickles_without_open_files_for_loader_workers(shards):
    expected = shards.frames(5).tobytes()
    copy = pickle.loads(pickle.dumps(shards))
    assert copy.frames(5).tobytes() == expected


def test_only_the_shards_that_are_read_are_opened(shards):
    shards.frames(0)
    assert list(shards._maps) == [shards.clips.shard[0]]


@pytest.mark.parametrize("name", ["index.json", "index.parquet"])
def test_a_missing_index_names_the_stage(job, name):
    (job.folders.shards / name).unlink()
    with pytest.raises(KinetraceError, match=rf"{name} is missing: run the stage shards"):
        Shards.open(job.folders.shards)


@pytest.mark.parametrize("size", [0, 700])
def test_a_truncated_or_missing_shard_is_refused_at_the_door(job, shards, size):
    path = job.folders.shards / shards.clips.shard[0]
    content = path.read_bytes()
    path.unlink()
    if size:
        path.write_bytes(content[:size])
    with pytest.raises(KinetraceError, match=rf"{path.name} has {size} of {len(content)} bytes"):
        Shards.open(job.folders.shards)
