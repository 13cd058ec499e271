import io
import json
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest

from kinetrace import parallel
from kinetrace.clips import read_table, write_table
from kinetrace.errors import KinetraceError
from kinetrace.files import digest, read_json, write_npz
from kinetrace.shards import Shards
from kinetrace.stages import motion, shards, split, stats
from kinetrace.tars import key
from tests.workspaces import Walk, deliver, tree, walk


def run(job, count):
    deliver(job, count)
    for stage in (stats, motion, split, shards):
        stage.run(job)
    return job


@pytest.fixture
def job(tmp_path):
    job = run(walk(tmp_path), 40)
    job.workload.reads()
    return job


def members(job):
    """Name to (tar, bytes) of every member of every shard."""
    found = {}
    for path in sorted(job.folders.shards.glob("*.tar")):
        with tarfile.open(path) as archive:
            found |= {member.name: (path.name, archive.extractfile(member).read()) for member in archive}
    return found


def test_there_are_count_tars_a_split_and_each_clip_lies_in_one(job):
    names = sorted(path.name for path in job.folders.shards.glob("*.tar"))
    assert names == sorted(f"{part}-{n:03d}.tar" for part in ("train", "val", "test") for n in range(3))
    found, table = members(job), read_table(job.folders.split_table)
    assert len(found) == 2 * len(table) == 80
    for clip in table.itertuples():
        tar, content = found[f"{key(clip.clip_id)}.json"]
        assert json.loads(content)["digest"] == clip.digest
        assert tar == f"{clip.split}-{int(clip.digest[:16], 16) % 3:03d}.tar"


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # webdataset leaves its streams to the collector
def test_webdataset_reads_them_with_its_own_decoders(job):
    import webdataset

    table = read_table(job.folders.split_table).set_index("clip_id")
    urls = sorted(str(path) for path in job.folders.shards.glob("*.tar"))
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode())
    assert len(samples) == 40
    for sample in samples:
        row = table.loc[sample["json"]["clip_id"]]
        np.testing.assert_array_equal(sample["npy"], np.load(job.raw / row.source))
        assert sample["npy"].dtype == np.float32
        assert sample["json"]["text"] == row.text
        assert sample["__key__"] == key(row.name)


def test_the_bytes_are_those_of_webdatasets_writer(job):
    from webdataset.writer import TarWriter

    for path in job.folders.shards.glob("*.tar"):
        stream = io.BytesIO()
        with TarWriter(stream, encoder=False, mtime=0) as writer:
            samples = {}
            for name, (tar, content) in members(job).items():
                if tar == path.name:
                    sample, _, kind = name.rpartition(".")
                    samples.setdefault(sample, {"__key__": sample})[kind] = content
            for sample in samples.values():
                writer.write(sample)
        assert stream.getvalue() == path.read_bytes()


def test_samples_are_sorted_and_carry_no_time_or_owner_of_this_machine(job):
    for path in job.folders.shards.glob("*.tar"):
        with tarfile.open(path) as archive:
            entries = archive.getmembers()
        ids = [json.loads(content)["clip_id"] for name, (tar, content) in members(job).items()
               if tar == path.name and name.endswith("json")]  # fmt: skip
        assert ids == sorted(ids)
        assert {(e.mtime, e.uid, e.gid, e.uname, e.gname) for e in entries} <= {(0, 0, 0, "bigdata", "bigdata")}


def test_two_workspaces_one_worker_or_two_give_the_same_bytes(job, tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "TRIAL", 0.0)
    monkeypatch.setattr(parallel, "WORTH", 0.0)
    other = run(walk(tmp_path / "other", jobs=2), 40)
    assert tree(other.folders.data) == tree(job.folders.data)


def test_an_unchanged_shard_is_neither_read_nor_changed(job):
    before = tree(job.folders.shards)
    shutil.rmtree(job.folders.shards)
    shards.run(job)
    assert tree(job.folders.shards) == before
    assert job.workload.reads() == []


def test_more_clips_rewrite_only_the_shards_that_hold_them(job, tmp_path):
    before = tree(job.folders.shards)
    run(job, 42)
    job.workload.reads()
    index = Shards.open(job.folders.shards).clips
    new = {"clip/0040.npy", "clip/0041.npy"}
    touched = set(index[index.clip_id.isin(new)].shard)
    after = tree(job.folders.shards)
    changed = {name for name in before if name.endswith(".tar") and before[name] != after[name]}
    assert changed == touched
    assert len(touched) < 9
    fresh = run(walk(tmp_path / "fresh"), 42)
    assert tree(fresh.folders.shards) == after


def test_a_rebuild_reads_only_the_clips_of_changed_shards(job):
    deliver(job, 41)
    for stage in (stats, motion, split):
        stage.run(job)
    job.workload.reads()
    shards.run(job)
    index = Shards.open(job.folders.shards).clips
    shard = index[index.clip_id == "clip/0040.npy"].shard.item()
    assert sorted(job.workload.reads()) == sorted(index[index.shard == shard].source)


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete"])
def test_a_damaged_stored_shard_is_rebuilt(job, damage):
    before = tree(job.folders.shards)
    stored = max((job.folders.workspace.cache / "objects").rglob("*"), key=lambda path: path.stat().st_size)
    content = bytearray(stored.read_bytes())
    content[700] ^= 1
    {"truncate": lambda: stored.write_bytes(content[:700]), "flip": lambda: stored.write_bytes(content),
     "delete": stored.unlink}[damage]()  # fmt: skip
    shards.run(job)
    assert tree(job.folders.shards) == before
    assert job.workload.reads()
    shards.run(job)
    assert job.workload.reads() == []


def test_writing_to_an_output_does_not_reach_the_store(job):
    before = tree(job.folders.shards)
    for path in job.folders.shards.glob("*.tar"):
        with path.open("r+b") as stream:
            stream.write(b"vandal")
    shards.run(job)
    assert tree(job.folders.shards) == before
    assert job.workload.reads() == []


def test_another_label_number_rewrites_the_index_and_no_tar(job):
    before = tree(job.folders.shards)
    table = read_table(job.folders.split_table)
    write_table(job.folders.split_table, table.assign(label_id=table.label_id + 5))
    shards.run(job)
    after = tree(job.folders.shards)
    assert {name for name in before if before[name] != after[name]} == {"index.json", "index.parquet"}
    assert job.workload.reads() == []


def test_the_index_says_where_the_arrays_lie_and_what_the_tars_are(job):
    index = read_json(job.folders.shards / "index.json")
    table = read_table(job.folders.shards / "index.parquet")
    for name, entry in index["shards"].items():
        assert entry["sha256"] == digest(job.folders.shards / name)
        assert entry["clips"] == (table.shard == name).sum()
    found = members(job)
    for clip in table.itertuples():
        content = (job.folders.shards / clip.shard).read_bytes()[clip.offset : clip.offset + clip.size]
        assert content == found[f"{key(clip.clip_id)}.npy"][1]
        assert (clip.rows, clip.width) == np.load(job.raw / clip.source).shape
    assert list(table.split.unique()) == ["train", "val", "test"]


def test_a_clip_of_another_width_than_the_statistics_is_named(job):
    write_npz(job.folders.stats_npz, {"mean": np.zeros(7)})
    with pytest.raises(KinetraceError, match=r"clip/\d+\.npy has 5 values a frame, .*stats\.npz has 7"):
        shards.run(job)


def test_summary(job):
    assert shards.summary(job.folders).startswith("40 clips in 9 shards, ")


def test_a_size_in_place_of_a_count_gives_as_many_shards_as_it_takes(tmp_path):
    counts = {}
    for megabytes in (1e-3, 2e-3, 1.0):
        job = walk(tmp_path / str(megabytes), {"shards": {"count": None, "megabytes": megabytes}})
        run(job, 40)
        found = Shards.open(job.folders.shards)
        counts[megabytes] = len(list(job.folders.shards.glob("train-*.tar")))
        assert len(found) == 40
    assert counts[1e-3] == 2 * counts[2e-3] > counts[1.0] == 1


def test_pictures_are_read_back_in_their_order(tmp_path):
    job = walk(tmp_path)
    deliver(job, 6)
    pictures = {f"{n:03d}.jpg": bytes([n]) * (n + 1) for n in range(12)}
    object.__setattr__(job, "workload", Pictured(job.workload.log, pictures=pictures))
    for stage in (stats, motion, split, shards):
        stage.run(job)
    found = Shards.open(job.folders.shards)
    for index in range(len(found)):
        assert list(found.sample(index).items()) == list(pictures.items())
    assert set(found.clips.rows) == {12}


@dataclass(frozen=True)
class Pictured(Walk):
    """The walk with pictures in its shards."""

    pictures: Mapping[str, bytes] = field(default_factory=dict)

    def sample(self, raw, clip):
        return self.pictures
