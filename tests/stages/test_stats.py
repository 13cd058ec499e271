import numpy as np
import pytest

from kinetrace import parallel
from kinetrace.clips import write_table
from kinetrace.errors import KinetraceError
from kinetrace.files import read_json, read_npz
from kinetrace.stages import motion, stats
from tests.workspaces import deliver, tree, walk


@pytest.fixture
def job(tmp_path):
    return walk(tmp_path)


def everything(job, table):
    return np.concatenate([np.load(job.raw / source) for source in table.source]).astype(np.float64) * 2


def test_the_moments_are_those_of_numpy_on_all_frames(job):
    table = deliver(job, 30)
    stats.run(job)
    found, values = read_npz(job.folders.stats_npz), everything(job, table)
    np.testing.assert_array_equal(found["count"], (~np.isnan(values)).sum(0))
    np.testing.assert_allclose(found["mean"], np.nanmean(values, 0), rtol=1e-9)
    np.testing.assert_allclose(found["std"], np.nanstd(values, 0), rtol=1e-9)
    assert {array.dtype for array in found.values()} == {np.dtype(np.float64)}


def test_a_feature_never_observed_has_count_0_and_std_1(job):
    table = deliver(job, 3)
    for source in table.source:
        frames = np.load(job.raw / source)
        frames[:, 2] = np.nan
        np.save(job.raw / source, frames)
    stats.run(job)
    found = read_npz(job.folders.stats_npz)
    assert (found["count"][2], found["mean"][2], found["std"][2]) == (0, 0, 1)
    assert read_json(job.folders.stats_json)["observed"]["never"] == 1


def test_stats_json_describes_the_clips(job):
    table = deliver(job, 10)
    stats.run(job)
    found = read_json(job.folders.stats_json)
    assert (found["clips"], found["subjects"], found["labels"]) == (10, 8, 4)
    assert found["frames"] == table.num_frames.sum()
    assert found["seconds"]["max"] == table.num_frames.max() / 25
    assert found["fps"]["p50"] == 25
    assert found["clips_a_label"]["rarest"][0] == {"label": "label 2", "clips": 2}
    assert (found["clips_a_label"]["min"], found["clips_a_label"]["max"]) == (2, 3)
    assert found["transitions"] == []


def test_transitions_follow_the_order_within_one_source(job):
    table = deliver(job, 6)
    table["source"] = ["a", "a", "a", "a", "b", "b"]
    table["subject"] = "s"
    table["start"] = [3.0, 2.0, 1.0, 0.0, 0.0, 1.0]
    table["label"] = ["w", "x", "w", "x", "x", "w"]
    assert stats.describe(table)["transitions"] == [
        {"from": "x", "to": "w", "count": 3},
        {"from": "w", "to": "x", "count": 1},
    ]
    table["session"] = ["", "", "", "late", "", ""]
    assert sum(item["count"] for item in stats.describe(table)["transitions"]) == 3


def test_ten_more_clips_cost_ten_reads_and_the_result_is_that_of_a_fresh_run(job, tmp_path):
    deliver(job, 1000)
    stats.run(job)
    motion.run(job)
    assert len(job.workload.reads()) == 1000
    deliver(job, 1010)
    stats.run(job)
    assert sorted(job.workload.reads()) == [f"{number}.npy" for number in range(1000, 1010)]
    motion.run(job)
    assert job.workload.reads() == []
    fresh = walk(tmp_path / "fresh")
    deliver(fresh, 1010)
    stats.run(fresh)
    motion.run(fresh)
    assert tree(fresh.folders.data) == tree(job.folders.data)


def test_workers_and_the_order_of_the_table_change_no_byte(tmp_path, monkeypatch):
    trees = []
    for jobs in (1, 2):
        job = walk(tmp_path / str(jobs), jobs=jobs)
        table = deliver(job, 40)
        if jobs == 2:
            monkeypatch.setattr(parallel, "TRIAL", 0.0)
            monkeypatch.setattr(parallel, "WORTH", 0.0)
            write_table(job.folders.clips, table.iloc[::-1])
        stats.run(job)
        trees.append((job.folders.stats_npz.read_bytes(), job.folders.stats_json.read_bytes()))
    assert trees[0] == trees[1]


def test_the_store_is_safe_to_delete(job):
    import shutil

    deliver(job, 5)
    stats.run(job)
    before = tree(job.folders.data)
    shutil.rmtree(job.folders.workspace.cache)
    stats.run(job)
    assert tree(job.folders.data) == before
    assert len(job.workload.reads()) == 10


def test_another_layout_of_the_same_files_is_read_anew(job):
    deliver(job, 5)
    stats.run(job)
    (job.raw / "layout.json").write_text("{}")
    stats.run(job)
    assert len(job.workload.reads()) == 10


def test_no_clips_is_an_error(job):
    write_table(job.folders.clips, deliver(job, 2).iloc[:0])
    with pytest.raises(KinetraceError, match=r"holds no clip.*quarantine"):
        stats.run(job)


def test_clips_of_two_widths_are_an_error(job):
    deliver(job, 4)
    np.save(job.raw / "0002.npy", np.ones((3, 7), np.float32))
    with pytest.raises(KinetraceError, match="5 and 7 features"):
        stats.run(job)


def test_summary_says_what_there_is(job):
    deliver(job, 10)
    stats.run(job)
    line = stats.summary(job.folders)
    assert line.startswith("10 clips of 4 labels by 8 subjects")
    assert "5 of 5 features observed" in line
    assert "\n" not in line
