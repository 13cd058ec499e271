"""Chunks against a plain loop over frames, and every step against its inverse."""

import math
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.tokens.data.chunks import REST, Chunks, assemble, cut, cut_chunk, cut_windows, joined, positions, starts
from kinetrace.tokens.data.landmarks import CENTRES, FACE_EYES, PARTS, POINTS
from kinetrace.tokens.params import ChunkParams

ALL = ["face", "left_hand", "right_hand", "body", "full_body"]


def chunking(**changes) -> ChunkParams:
    values = {"parts": ALL, "length": 10, "stride": 5, "score_threshold": 0.25, "box": 8.0, "min_observed": 0.5}
    return ChunkParams(**{**values, **changes})


def motion(frames: int, seed: int = 0, hidden: float = 0.0, drift: float = 3.0) -> np.ndarray:
    """``[T, 399]``: points that wander about the nose, eyes about 40 pixels apart; a share is under the threshold."""
    random = np.random.default_rng(seed)
    points = np.zeros((frames, POINTS, 3), np.float32)
    home = random.normal(0, 60, (POINTS, 2))
    home[:3] = (0, 0), (20, -20), (-20, -20)
    points[..., :2] = 256 + home + random.normal(0, drift, (frames, POINTS, 2)).cumsum(0)
    points[..., 2] = random.uniform(0.3, 1, (frames, POINTS))
    points[random.random((frames, POINTS)) < hidden, 2] = 0.1
    return points.reshape(frames, -1)


def by_loop(frames: np.ndarray, params: ChunkParams) -> tuple[dict[str, list], dict[str, list], list[float]]:
    """The definition, frame by frame and point by point, in double precision: values, presence and units."""
    values, present, units = {part: [] for part in params.parts}, {part: [] for part in params.parts}, []
    first = 0
    while len(frames) and (first == 0 or first + params.length - params.stride < len(frames)):
        window = frames[first : first + params.length].reshape(-1, POINTS, 3).astype(np.float64)
        eyes = [math.dist(f[1, :2], f[2, :2]) for f in window if min(f[1, 2], f[2, 2]) >= params.score_threshold]
        units.append(median(eyes) if eyes and median(eyes) > 1e-6 else 0.0)
        filled = np.stack([_filled(window[:, point], params.score_threshold) for point in range(POINTS)], axis=1)
        for part in params.parts:
            value, here = _part(window, filled, part, units[-1], params)
            padding = np.repeat(value[-1:], params.length - len(value), axis=0)
            padding[..., 3:] = 0
            values[part].append(np.concatenate([value, padding]))
            present[part].append(here)
        first += params.stride
    return values, present, units


def _filled(track: np.ndarray, threshold: float) -> np.ndarray:
    seen = [t for t, value in enumerate(track) if value[2] >= threshold]
    if not seen:
        return np.full((len(track), 2), np.nan)
    return np.stack([np.interp(range(len(track)), seen, track[seen, axis]) for axis in range(2)], axis=1)


def _part(
    window: np.ndarray, filled: np.ndarray, part: str, unit: float, params: ChunkParams
) -> tuple[np.ndarray, bool]:
    points, centre = range(POINTS)[PARTS[part]], CENTRES[part]
    value = np.zeros((len(window), len(points), 5))
    seen = sum(frame[centre, 2] >= params.score_threshold for frame in window)
    if not unit or not seen or seen < params.min_observed * len(window):
        return value, False
    for t in range(len(window)):
        for k, point in enumerate(points):
            if not np.isnan(filled[t, point]).any():
                value[t, k, :2] = np.clip((filled[t, point] - filled[t, centre]) / unit, -params.box, params.box)
            value[t, k, 2] = window[t, point, 2]
            value[t, k, 3:] = value[t, k, :2] - value[t - 1, k, :2] if t else 0
    return value, True


@pytest.mark.parametrize(
    ("frames", "hidden", "changes"),
    [
        (1, 0.0, {}),
        (2, 0.5, {}),
        (10, 0.3, {}),
        (11, 0.3, {}),
        (37, 0.9, {}),
        (23, 0.6, {"length": 7, "stride": 3, "min_observed": 0.9}),
        (12, 0.2, {"length": 4, "stride": 4, "box": 0.5, "parts": ["right_hand", "face"]}),
        (9, 1.0, {}),
    ],
)
def test_chunks_are_what_a_loop_over_frames_gives(frames, hidden, changes):
    params, clip = chunking(**changes), motion(frames, frames, hidden)
    chunks, (values, present, units) = cut(clip, params), by_loop(clip, params)
    assert list(chunks.values) == params.parts
    np.testing.assert_allclose(chunks.units, units, rtol=1e-5)
    for part in params.parts:
        assert chunks.values[part].dtype == np.float32
        np.testing.assert_array_equal(chunks.present[part], present[part])
        np.testing.assert_allclose(chunks.values[part], np.stack(values[part]), atol=2e-5)


@settings(max_examples=200, deadline=None)
@given(frames=st.integers(0, 200), length=st.integers(2, 20), data=st.data())
def test_every_frame_is_in_a_chunk_and_only_the_last_is_padded(frames, length, data):
    stride = data.draw(st.integers(1, length))
    first = starts(frames, length, stride)
    covered = {frame for start in first for frame in range(start, min(start + length, frames))}
    assert covered == set(range(frames))
    assert first.tolist() == [number * stride for number in range(len(first))]
    assert all(start + length < frames for start in first[:-1])


@settings(max_examples=40, deadline=None)
@given(frames=st.integers(1, 40), seed=st.integers(0, 99), hidden=st.floats(0, 1), data=st.data())
def test_a_stream_of_chunks_is_the_whole_clip_bit_for_bit(frames, seed, hidden, data):
    length = data.draw(st.integers(2, 12))
    params = chunking(length=length, stride=data.draw(st.integers(1, length)))
    clip = motion(frames, seed, hidden)
    whole = cut(clip, params)
    for number, start in enumerate(whole.starts):
        alone = cut_chunk(clip[start : start + length], params)
        for part in ALL:
            assert alone.values[part][0].tobytes() == whole.values[part][number].tobytes()
            assert alone.present[part][0] == whole.present[part][number]
            np.testing.assert_array_equal(alone.known[part][0], whole.known[part][number])
        assert alone.units[0] == whole.units[number]
        np.testing.assert_array_equal(alone.mask[0], whole.mask[number])


def test_windows_of_many_clips_cut_together_are_those_cut_apart():
    params, clips = chunking(), [motion(10, seed, 0.4) for seed in range(5)]
    mask, first = np.ones((5, 10), bool), np.zeros(5, int)
    together = cut_windows(np.stack(clips), mask, first, params)
    for number, clip in enumerate(clips):
        assert cut(clip, params).values["face"].tobytes() == together.values["face"][number].tobytes()


def test_no_frames_no_chunks_and_a_chunk_has_one_frame_to_length():
    empty = cut(np.zeros((0, 399), np.float32), chunking())
    assert (len(empty), empty.frames, empty.values["face"].shape) == (0, 0, (0, 10, 68, 5))
    assert positions(empty, "face").shape == (0, 68, 2)
    for frames in (0, 11):
        with pytest.raises(ValueError, match=f"found {frames} frames, expected 1 to 10"):
            cut_chunk(np.zeros((frames, 399), np.float32), chunking())


def relative(clip: np.ndarray, part: str) -> np.ndarray:
    points = clip.reshape(-1, POINTS, 3)
    return points[:, PARTS[part], :2] - points[:, CENTRES[part], None, :2]


@settings(max_examples=30, deadline=None)
@given(frames=st.integers(1, 60), seed=st.integers(0, 99), data=st.data())
def test_joining_chunks_inverts_cutting(frames, seed, data):
    length = data.draw(st.integers(2, 12))
    params = chunking(length=length, stride=data.draw(st.integers(1, length)), box=1000.0)
    clip = motion(frames, seed)
    chunks = cut(clip, params)
    assert chunks.frames == frames
    for part in ALL:
        np.testing.assert_allclose(positions(chunks, part, pixels=True), relative(clip, part), atol=2e-3)
        np.testing.assert_allclose(
            joined(chunks.values[part], chunks.mask, chunks.starts, chunks.present[part][:, None])[..., 2],
            clip.reshape(-1, POINTS, 3)[:, PARTS[part], 2],
            atol=1e-6,
        )


def test_velocities_add_up_to_positions():
    values = cut(motion(50, 3, 0.3), chunking()).values["body"]
    rebuilt = values[:, :1, :, :2] + values[..., 3:].cumsum(1)
    np.testing.assert_allclose(rebuilt, values[..., :2], atol=1e-5)


def test_lost_are_place_and_size():
    clip = motion(30, 4)
    moved = clip.reshape(30, POINTS, 3).copy()
    moved[..., :2] = 3 * moved[..., :2] + np.random.default_rng(0).normal(0, 50, (30, 1, 2))
    first, second = cut(clip, chunking()), cut(moved.reshape(30, -1), chunking())
    for part in ALL:
        np.testing.assert_allclose(first.values[part], second.values[part], atol=1e-3)
    np.testing.assert_allclose(second.units, 3 * first.units, rtol=1e-4)


def test_lost_is_what_leaves_the_box():
    clip = motion(10, 5, drift=0)
    clip.reshape(10, POINTS, 3)[:, 9, :2] += (4000, -4000)
    values = cut(clip, chunking()).values["body"]
    np.testing.assert_array_equal(values[0, :, 9, :2], np.tile([8.0, -8.0], (10, 1)))
    assert not values[0, :, 9, 3:].any()


def test_lost_is_where_a_hidden_point_was_and_its_score_stays():
    clip = motion(10, 6, drift=0).reshape(10, POINTS, 3)
    clip[:, 7, 0] = np.arange(10) ** 2
    clip[2:5, 7, 2], clip[8:, 7, 2] = 0.2, 0.2
    chunks = cut(clip.reshape(10, -1), chunking(box=1000.0))
    x = positions(chunks, "body", pixels=True)[:, 7, 0] + clip[:, 0, 0]
    np.testing.assert_allclose(x, [0, 1, 7, 13, 19, 25, 36, 49, 49, 49], atol=1e-2)
    np.testing.assert_array_equal(chunks.values["body"][0, :, 7, 2], clip[:, 7, 2])


def test_a_point_never_seen_is_zero_unknown_and_joined_from_the_chunks_that_know_it():
    clip = motion(15, 7, drift=0).reshape(15, POINTS, 3)
    clip[:10, 8, 2], clip[:, 16, 2] = 0.0, 0.0  # the second chunk sees point 8, none sees point 16
    chunks = cut(clip.reshape(15, -1), chunking(box=1000.0))
    assert chunks.known["body"][:, [8, 16]].tolist() == [[False, False], [True, False]]
    assert not chunks.values["body"][0, :, 8].any()
    found = positions(chunks, "body", pixels=True)
    assert np.isnan(found[:5, 8]).all() and np.isnan(found[:, 16]).all()
    np.testing.assert_allclose(found[10:, 8], relative(clip.reshape(15, -1), "body")[10:, 8], atol=1e-3)


@pytest.mark.parametrize(("shown", "present"), [(4, False), (5, True)])
def test_a_part_is_present_when_its_centre_is_seen_in_half_of_the_frames(shown, present):
    clip = motion(10, 8).reshape(10, POINTS, 3)
    clip[shown:, CENTRES["left_hand"], 2] = 0
    chunks = cut(clip.reshape(10, -1), chunking())
    assert [part for part in ALL if chunks.present[part][0]] == [p for p in ALL if present or p != "left_hand"]
    assert bool(chunks.values["left_hand"].any()) is present


def test_padding_does_not_count_as_seen():
    clip = motion(4, 9).reshape(4, POINTS, 3)
    clip[:3, CENTRES["face"], 2] = 0  # the last frame shows it, and the six of padding
    assert not cut(clip.reshape(4, -1), chunking()).present["face"][0]


@pytest.mark.parametrize("defect", ["no eye", "never both", "one point"])
def test_without_an_eye_distance_every_part_is_absent(defect):
    clip = motion(10, 10).reshape(10, POINTS, 3)
    if defect == "no eye":
        clip[:, 1, 2] = 0
    elif defect == "never both":
        clip[::2, 1, 2], clip[1::2, 2, 2] = 0, 0
    else:
        clip[:, 1, :2] = clip[:, 2, :2]
    chunks = cut(clip.reshape(10, -1), chunking())
    assert chunks.units.tolist() == [0]
    assert not any(found.any() for found in chunks.present.values())
    assert not any(found.any() for found in chunks.values.values())


def test_values_of_a_decoder_take_the_place_of_the_chunks_own():
    chunks = cut(motion(17, 11), chunking())
    decoded = np.full((len(chunks), 10, 68, 4), 2.5, np.float32)
    np.testing.assert_array_equal(positions(chunks, "face", decoded), np.full((17, 68, 2), 2.5))


def tracks(chunks: Chunks, *parts: str) -> dict[str, np.ndarray]:
    return {part: positions(chunks, part) for part in parts}


def test_a_skeleton_is_assembled_at_the_bodys_eyes_and_wrists():
    chunks = cut(motion(20, 12), chunking(box=1000.0))
    parts = tracks(chunks, "face", "left_hand", "right_hand", "body")
    skeleton = assemble(parts, 40.0, (256.0, 200.0))
    assert (skeleton.shape, skeleton.dtype) == ((20, POINTS, 3), np.float32)
    np.testing.assert_allclose(skeleton[:, 0, :2], np.tile([256, 200], (20, 1)), atol=1e-3)
    np.testing.assert_allclose(skeleton[:, 91], skeleton[:, 9], atol=1e-3)
    np.testing.assert_allclose(skeleton[:, 112], skeleton[:, 10], atol=1e-3)
    np.testing.assert_allclose(skeleton[:, FACE_EYES, :2].mean(1), skeleton[:, 1:3, :2].mean(1), atol=1e-2)
    for part, track in parts.items():
        found = skeleton[:, PARTS[part], :2] - skeleton[:, CENTRES[part], None, :2]
        np.testing.assert_allclose(found, track * 40, atol=1e-2)
    assert not skeleton[:, 17:23].any()  # no part has the feet


def test_assembling_and_cutting_again_gives_the_same_chunks():
    chunks = cut(motion(25, 13, drift=1), chunking(box=1000.0))
    skeleton = assemble(tracks(chunks, "face", "left_hand", "right_hand", "body"), 40.0, (256.0, 200.0))
    again = cut(skeleton.reshape(25, -1), chunking(box=1000.0))
    for part in ("face", "left_hand", "right_hand", "body"):
        np.testing.assert_allclose(again.values[part][..., :2], chunks.values[part][..., :2], rtol=0.1, atol=0.1)


def test_the_full_body_carries_what_no_part_has_and_hidden_points_score_0():
    clip = motion(10, 14).reshape(10, POINTS, 3)
    clip[:, 20, 2] = 0
    chunks = cut(clip.reshape(10, -1), chunking(box=1000.0))
    skeleton = assemble(tracks(chunks, "full_body"), 1.0)
    assert skeleton[..., 2].all(0).sum() == POINTS - 1
    assert not skeleton[:, 20].any()
    np.testing.assert_allclose(skeleton[:, 130, :2], positions(chunks, "full_body")[:, 130], atol=1e-4)


def test_without_a_body_face_and_hands_take_a_place_of_rest():
    chunks = cut(motion(10, 15), chunking())
    skeleton = assemble(tracks(chunks, "face", "left_hand"), 10.0, (100.0, 100.0))
    np.testing.assert_allclose(skeleton[:, 91, :2], np.tile(np.array(REST["left_hand"]) * 10 + 100, (10, 1)), rtol=1e-5)
    eyes = skeleton[:, FACE_EYES, :2].mean(1)
    np.testing.assert_allclose(eyes, np.tile(np.array(REST["face"]) * 10 + 100, (10, 1)), rtol=1e-4)
    assert not skeleton[:, 112:].any() and not skeleton[:, :17].any()


def test_scores_of_a_track_are_kept_and_a_point_with_score_0_is_not_shown():
    track = np.ones((3, 21, 3), np.float32)
    track[..., 2], track[:, 4, 2] = 0.5, 0
    skeleton = assemble({"right_hand": track})
    assert skeleton[:, 112:, 2].tolist() == [[0.5] * 4 + [0.0] + [0.5] * 16] * 3
    assert not skeleton[:, 116].any()
