import json
import shutil

import numpy as np
import pytest

from kinetrace import clips
from kinetrace.operations.data import contract, reader
from kinetrace.operations.data.features import WIDTH
from kinetrace.operations.data.pictures import decode_jpeg
from kinetrace.operations.data.recordings import NULL
from kinetrace.operations.workload import WORKLOAD
from kinetrace.stages import validate
from tests.operations.deliveries import delivery
from tests.operations.squares import FPS, SIZE, params, picture

PARAMS = params()


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    folder = tmp_path_factory.mktemp("squares")
    delivery(folder, people=2)
    return folder


@pytest.fixture
def own(raw, tmp_path):
    """A copy to be damaged at will."""
    return shutil.copytree(raw, tmp_path / "raw")


@pytest.fixture(scope="module")
def table(raw):
    return reader.inspect(raw, PARAMS.validate_, 1)


def test_every_recording_is_cut_into_clips_of_all_kinds(table):
    assert set(table.subject) == {"P0", "P1"}
    assert set(table.kind) == {"boundary", "middle", "window"}
    assert (table.num_frames == ((table.context + 3) * FPS).round()).all()
    assert clips.conform(table).clip_id.is_unique


def test_the_labels_are_numbered_in_their_order_and_null_comes_last(table):
    numbers = dict(zip(table.label, table.label_id, strict=True))
    assert numbers == {"Across": 0, "Down": 1, "Up": 2} | ({NULL: 3} if NULL in numbers else {})


def test_a_clips_pictures_are_those_of_its_times(raw, table):
    made = delivery_recordings(2)
    for clip in clips.rows(table.iloc[:: len(table) // 5]):
        pictures = reader.sample(raw, clip)
        assert list(pictures) == [f"{place:03d}.jpg" for place in range(clip["num_frames"])]
        for place in (0, len(pictures) // 2, len(pictures) - 1):
            time = clip["start"] - clip["context"] + place / FPS
            shown = np.floor(time * 10 + 1e-6) / 10  # the camera takes ten frames a second
            found = decode_jpeg(pictures[f"{place:03d}.jpg"])
            assert found.shape == (SIZE, SIZE, 3)
            assert np.abs(found.astype(int) - picture(made[clip["user"]], shown)).mean() < 8


def delivery_recordings(people):
    from tests.operations.squares import recording

    return {f"P{seed}": recording(seed, 20.0) for seed in range(people)}


def test_thumbnails_are_shares_of_white(raw, table):
    found = reader.read(raw, clips.rows(table)[0])
    assert found.shape == (table.num_frames[0], WIDTH) and found.dtype == np.float32
    assert 0 <= found.min() < found.max() <= 1


def test_the_segments_of_a_clip_are_what_the_table_says(table):
    made = delivery_recordings(2)
    for clip in table.itertuples():
        for start, end, label in json.loads(clip.segments):
            middle = clip.start + (start + end) / 2
            assert [part.label for part in made[clip.user].segments if part.start <= middle < part.end] == [label]


def test_the_digest_follows_from_the_video_and_the_place(raw, own, table):
    assert table.digest.is_unique
    again = reader.inspect(own, PARAMS.validate_, 2)
    assert again.digest.tolist() == table.digest.tolist()
    with (own / "videos" / "P0.mp4").open("ab") as stream:
        stream.write(b"\0\0\0\x08free")  # an empty atom: the same pictures, other bytes
    changed = reader.inspect(own, PARAMS.validate_, 1)
    same = changed.digest == table.digest
    assert same[table.user == "P1"].all() and not same[table.user == "P0"].any()


def test_every_clip_of_a_truncated_video_is_refused_with_the_frame_at_which_it_broke(own):
    whole = (own / "videos" / "P0.mp4").read_bytes()
    (own / "videos" / "P0.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    verdict = validate.judge(WORKLOAD, PARAMS, own, None, 1)
    assert set(verdict.refused.subject) == {"P0"} and set(verdict.kept.subject) == {"P1"}
    assert verdict.refused.reason.str.contains(r"broken at frame \d+").all()


def test_a_sound_delivery_passes_the_contract_and_a_missing_video_is_told(raw, own):
    assert validate.judge(WORKLOAD, PARAMS, raw, None, 1).passed
    assert validate.judge(WORKLOAD, None, raw, None, 1).passed
    (own / "videos" / "P0.mp4").unlink()
    verdict = validate.judge(WORKLOAD, PARAMS, own, None, 1)
    assert len(verdict.refused) == 1 and "P0.mp4" in verdict.refused.reason[0]


def test_a_recording_shorter_than_a_clip_is_told(own):
    long = PARAMS.model_copy(
        update={
            "validate_": PARAMS.validate_.model_copy(
                update={"clips": PARAMS.validate_.clips.model_copy(update={"seconds": 30.0})}
            )
        }
    )
    verdict = validate.judge(WORKLOAD, long, own, None, 1)
    assert verdict.kept.empty
    assert verdict.refused.reason.str.contains("shorter than a clip of 30 s").all()


def test_without_parameters_recordings_are_cut_as_published(raw):
    table = WORKLOAD.inspect(raw, None, 1)
    assert set((table.end - table.start).round(3)) == {5.0}


def test_the_contract_judges_every_column_that_it_names(table):
    named = {str(rule.arguments.get("column", "clip_id")) for rule in contract.rules()}
    assert named <= set(table.columns)
