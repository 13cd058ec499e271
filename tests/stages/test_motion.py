import numpy as np
import pytest

from kinetrace.clips import read_table
from kinetrace.errors import KinetraceError
from kinetrace.files import read_json, write_json
from kinetrace.stages import motion, stats
from tests.workspaces import deliver, tree, walk


def still(job, *numbers):
    """Clips in which nothing moves, of ``numbers``; before the clip table is made."""
    for number in numbers:
        np.save(job.raw / f"{number:04d}.npy", np.ones((4, 5), np.float32))


@pytest.fixture
def job(tmp_path):
    job = walk(tmp_path)
    deliver(job, 12)
    still(job, 3, 7)
    stats.run(job)
    return job


def test_still_clips_are_dropped_and_named(job):
    motion.run(job)
    kept, found = read_table(job.folders.motion_table), read_json(job.folders.motion_json)
    assert sorted(set(range(12)) - {int(name[5:9]) for name in kept.clip_id}) == [3, 7]
    assert (found["kept"], found["dropped"], found["floor"]) == (10, 2, 0.05)
    assert found["dropped_clips"][0] == {
        "clip_id": "clip/0003.npy",
        "motion_mean": 0.0,
        "motion_p95": 0.0,
        "motion_max": 0.0,
    }
    assert sum(found["histogram"]["counts"]) == 12
    assert motion.summary(job.folders) == "10 clips move, 2 are still (clip/0003.npy, clip/0007.npy); floor 0.05"


def test_energies_are_those_of_the_workload(job):
    motion.run(job)
    row = read_table(job.folders.motion_table).iloc[0]
    energy = job.workload.motion(np.load(job.raw / row.source))
    assert row.motion_mean == energy.mean()
    assert row.motion_p95 == np.percentile(energy, 95)


def test_a_clip_at_the_floor_moves(tmp_path, job):
    energy = float(job.workload.motion(np.load(job.raw / "0000.npy")).mean())
    for floor, kept in ((energy, True), (np.nextafter(energy, np.inf), False)):
        exact = walk(tmp_path, {"motion": {"floor": float(floor)}})
        motion.run(exact)
        assert ("clip/0000.npy" in set(read_table(exact.folders.motion_table).clip_id)) is kept


def test_delivered_energies_are_replaced_by_computed_ones(tmp_path):
    job = walk(tmp_path)
    deliver(job, 4, motion_mean=99.0, motion_p95=99.0)
    stats.run(job)
    motion.run(job)
    assert (read_table(job.folders.motion_table).motion_mean < 99).all()


def test_running_twice_reads_nothing_and_changes_no_byte(job):
    motion.run(job)
    before, _ = tree(job.folders.data), job.workload.reads()
    motion.run(job)
    assert tree(job.folders.data) == before
    assert job.workload.reads() == []


def test_stats_of_other_clips_are_refused(job):
    write_json(job.folders.stats_json, {"clips": 11})
    with pytest.raises(KinetraceError, match=r"describes 11 clips.*holds 12: run the stage stats"):
        motion.run(job)


def test_when_nothing_moves_enough_the_floor_is_named(tmp_path, job):
    with pytest.raises(KinetraceError, match=r"motion\.floor: it is 1e\+06, the liveliest clip has"):
        motion.run(walk(tmp_path, {"motion": {"floor": 1e6}}))
    assert not job.folders.motion_table.exists()
