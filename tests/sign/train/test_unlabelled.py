import numpy as np
import pytest

from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.shards import Shards
from kinetrace.sign.data.landmarks import PARTS
from kinetrace.sign.train.unlabelled import Folder, Joined, statistics
from tests.sign.deliveries import array, hostile
from tests.sign.models import clip
from tests.sign.trained import prepared


def folder(path, *clips):
    """A folder of arrays in subfolders, without metadata."""
    for number, frames in enumerate(clips):
        target = path / f"part{number % 2}" / f"{number}.npy"
        target.parent.mkdir(parents=True, exist_ok=True)
        np.save(target, frames)
    return Folder.of(path, 1)


def test_every_array_of_a_folder_is_a_clip_named_by_its_content(tmp_path):
    clips = [clip(9, 0), clip(12, 1)]
    found = folder(tmp_path, *clips)
    digests = [files.digest(path) for path in tmp_path.rglob("*.npy")]
    assert found.clips.clip_id.tolist() == found.clips.digest.tolist() == sorted(digests)
    assert sorted(found.clips.num_frames) == [9, 12]
    for place, frames in enumerate(found.clips.num_frames):
        np.testing.assert_array_equal(found.frames(place), clips[frames == 12])


def test_names_and_places_of_files_change_nothing(tmp_path):
    clips = [clip(9, 0), clip(12, 1), clip(7, 2)]
    one, other = folder(tmp_path / "a", *clips), folder(tmp_path / "b", *clips[::-1])
    assert one.clips.drop(columns="source").equals(other.clips.drop(columns="source"))


def test_the_same_bytes_count_once(tmp_path):
    assert len(folder(tmp_path, clip(9, 0), clip(9, 0)).clips) == 1


def test_what_breaks_the_contract_is_refused_with_its_reason_and_the_rest_is_kept(tmp_path):
    raw, _ = hostile(tmp_path)
    found = Folder.of(raw, 1)
    assert not (tmp_path / "executed").exists()
    refused = {name.removeprefix("features/").removesuffix(".npy"): reason for name, reason in found.refused.items()}
    assert "540" in refused["narrow"] and "pickle" in refused["object"] and "outside" in refused["link"]
    assert "NaN" in refused["nan"] and "at least 2" in refused["short"]
    assert set(found.clips.source) >= {"features/good.npy", "features/copy.npy"}
    assert "features/original.npy" not in set(found.clips.source)  # the same bytes as copy.npy
    assert all(found.frames(place).shape[1] == 540 for place in range(len(found.clips)))


def test_labels_are_not_read(tmp_path):
    (tmp_path / "metadata.csv").write_text("no, such\x00, columns")
    assert len(folder(tmp_path, clip(9, 0)).clips) == 1


def test_parts_that_the_layout_declares_missing_are_zeros(tmp_path):
    tmp_path.joinpath("layout.json").write_text('{"parts": ["pose"]}')
    frames = folder(tmp_path, array(1)).frames(0)
    assert not frames[:, PARTS["left_hand"]].any() and frames[:, PARTS["pose"]].any()


def test_a_folder_without_arrays_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(KinetraceError, match=r"holds no .npy file: name a folder of clips"):
            Folder.of(path, 1)


def test_joined_clips_keep_their_frames_and_each_content_once(tmp_path):
    shards = Shards.open(prepared().folders.shards)
    train = shards.subset("train")
    further = folder(tmp_path, np.array(train.frames(3)), np.array(shards.subset("test").frames(0)), clip(9, 0))
    joined = Joined.of([train, further], set())
    names = joined.clips.clip_id.tolist()
    assert names[: len(train)] == train.clips.clip_id.tolist()
    np.testing.assert_array_equal(joined.frames(4), train.frames(4))
    [new] = [place for place in range(len(train), len(names)) if joined.clips.num_frames[place] == 9]
    np.testing.assert_array_equal(joined.frames(new), clip(9, 0))


def test_held_back_clips_are_left_out_wherever_they_lie(tmp_path):
    further = folder(tmp_path, clip(9, 0), clip(12, 1))
    gone, kept = further.clips.digest
    joined = Joined.of([further], {gone})
    assert joined.clips.digest.tolist() == [kept]
    np.testing.assert_array_equal(joined.frames(0), further.frames(1))


def test_statistics_are_those_of_the_stage_over_the_same_clips():
    """Of the training split the stage's own code, written out over all frames at once."""
    from kinetrace.sign.data import features

    train = Shards.open(prepared().folders.shards).subset("train")
    pairs = [features.features(train.frames(place)) for place in range(len(train))]
    values, seen = (np.concatenate(parts).astype(float) for parts in zip(*pairs, strict=True))
    mean, deviation = statistics(train)
    weights = seen / seen.sum(0)
    np.testing.assert_allclose(mean, (values * weights).sum(0), atol=1e-6)
    np.testing.assert_allclose(deviation, np.sqrt(((values - mean) ** 2 * weights).sum(0)), atol=1e-5)
