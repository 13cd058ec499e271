"""The worker inside its environment: what the landmarks are, and which videos it refuses."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinetrace.extract import environment
from kinetrace.extract.extraction import settings
from kinetrace.extract.pool import Refused, Worker
from kinetrace.holistic import PARTS, POSE_NAMES, WIDTH
from tests.extract import videos

EVERY = np.arange(WIDTH)
NUMBERED = """
import json, sys, types
sys.path.insert(0, sys.argv[1])
import worker
from mediapipe.framework.formats.landmark_pb2 import NormalizedLandmark, NormalizedLandmarkList
def points(first, count):
    numbers = range(first, first + count)
    return NormalizedLandmarkList(
        landmark=[NormalizedLandmark(x=n, y=n + 0.25, z=n + 0.5, visibility=n + 0.75) for n in numbers]
    )
found = types.SimpleNamespace(
    pose_landmarks=points(1000, 33), face_landmarks=points(2000, 478),
    left_hand_landmarks=points(3000, 21), right_hand_landmarks=points(4000, 21),
)
print(json.dumps(worker.whole(found).tolist()))
"""


@pytest.fixture(scope="module")
def worker(python: Path) -> Iterator[Worker]:
    worker = Worker(python, settings(EVERY, None))
    yield worker
    worker.stop()
    worker.close()


@pytest.fixture(scope="module")
def found(worker: Worker, made: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], np.ndarray]:
    """Facts and ``[8, 1662]`` of ``person.mp4``."""
    target = tmp_path_factory.mktemp("found") / "person.npy"
    return worker.extract(made / "person.mp4", target), np.load(target)


def point(frames: np.ndarray, name: str) -> np.ndarray:
    return frames[:, PARTS["pose"]].reshape(len(frames), 33, 4)[:, POSE_NAMES.index(name)]


def test_every_frame_is_a_row_in_the_order_of_holistic(found):
    facts, frames = found
    assert facts == {"fps": 30.0, "frames": 8, "size": [480, 270], "video_fps": 30.0}
    assert frames.shape == (8, WIDTH) and frames.dtype == np.float32
    nose, left, right = (point(frames, name) for name in ("NOSE", "LEFT_SHOULDER", "RIGHT_SHOULDER"))
    assert (left[:, 0] > right[:, 0]).all()  # the signer faces the camera
    assert (nose[:, 1] < left[:, 1]).all() and (nose[:, 3] > 0.9).all()


def test_each_part_lies_where_holistic_has_it(python):
    """With MediaPipe's own messages, since the face in the film is hidden."""
    done = subprocess.run([python, "-c", NUMBERED, environment.WORKER.parent], capture_output=True, check=True)
    numbered = np.array(json.loads(done.stdout))
    pose = numbered[PARTS["pose"]].reshape(33, 4)
    assert (pose[5] == [1005.0, 1005.25, 1005.5, 1005.75]).all()
    for thousands, part, points in ((2, "face", 468), (3, "left_hand", 21), (4, "right_hand", 21)):
        expected = 1000 * thousands + np.arange(points)[:, None] + [0, 0.25, 0.5]
        assert (numbered[PARTS[part]].reshape(points, 3) == expected).all()


def test_a_hand_begins_at_its_wrist_and_is_zeros_where_it_was_not_detected(found):
    _, frames = found
    seen = []
    for part, name in (("left_hand", "LEFT_WRIST"), ("right_hand", "RIGHT_WRIST")):
        hand = frames[:, PARTS[part]].reshape(8, 21, 3)
        there = (hand != 0).any(axis=(1, 2))
        assert (np.abs(hand[there, 0, :2] - point(frames, name)[there, :2]) < 0.1).all()
        seen.append(there)
    assert np.any(seen) and not np.all(seen)


def test_a_clip_does_not_depend_on_the_one_before(worker, found, made, tmp_path):
    worker.extract(made / "other.mp4", tmp_path / "other.npy")
    worker.extract(made / "person.mp4", tmp_path / "again.npy")
    assert (np.load(tmp_path / "again.npy") == found[1]).all()


def test_a_picture_on_its_side_is_turned_upright(worker, made, tmp_path):
    facts = worker.extract(videos.turned(made / "person.mp4", tmp_path / "turned.mp4"), tmp_path / "turned.npy")
    assert facts["size"] == [270, 480]
    frames = np.load(tmp_path / "turned.npy")
    assert (point(frames, "NOSE")[:, 1] > 0).all()
    assert not np.allclose(point(frames, "NOSE")[:, 0], 0.51, atol=0.05)  # where it is in the picture as it lies


def test_a_wanted_rate_keeps_the_duration(python, made, tmp_path):
    worker = Worker(python, settings(EVERY, 15.0))
    try:
        facts = worker.extract(made / "person.mp4", tmp_path / "slow.npy")
    finally:
        worker.stop()
        worker.close()
    assert (facts["frames"], facts["fps"], facts["video_fps"]) == (5, 15.0, 30.0)


@pytest.mark.slow
def test_a_rate_that_varies_becomes_even_by_the_times_of_the_frames(worker, made, tmp_path):
    slow = videos.paused(videos.REAL, tmp_path / "paused.mp4", 0.5)
    assert worker.extract(slow, tmp_path / "paused.npy")["frames"] == 55 + 15
    frames = np.load(tmp_path / "paused.npy")
    assert np.flatnonzero((frames[1:] == frames[:-1]).all(axis=1)).tolist() == list(range(24, 39))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("empty.mp4", "the file is empty"),
        ("text.mp4", "no video that can be decoded"),
        ("cut.mp4", "no video that can be decoded"),
        ("nobody.mp4", "no person is seen in any frame"),
    ],
)
def test_what_gives_no_clip_is_refused_with_its_reason(worker, folder, tmp_path, name, reason):
    with pytest.raises(Refused, match=reason):
        worker.extract(folder / name, tmp_path / "none.npy")
    assert not (tmp_path / "none.npy").exists()


def test_a_video_of_which_frames_are_damaged_is_refused(worker, made, tmp_path):
    broken = videos.DATA / "videos" / "corrupted.mp4"
    with pytest.raises(Refused, match="cut short: 28 of 50 frames"):
        worker.extract(broken, tmp_path / "none.npy")


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("most_frames", "longer than 5 frames: cut it"), ("most_pixels", "129,600 pixels, expected 1 to 5")],
)
def test_a_video_beyond_the_limits_is_refused_before_the_work(python, made, tmp_path, limit, reason):
    worker = Worker(python, settings(EVERY, None) | {limit: 5})
    try:
        with pytest.raises(Refused, match=reason):
            worker.extract(made / "person.mp4", tmp_path / "none.npy")
    finally:
        worker.stop()
        worker.close()
