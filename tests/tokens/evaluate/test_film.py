"""Films are opened again: what moves, what is hidden, which way is down."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from kinetrace.errors import KinetraceError
from kinetrace.tokens.data.landmarks import PARTS, POINTS
from kinetrace.tokens.evaluate import film, scene
from kinetrace.tokens.model.codec.spec import Book, Spec

SPEC = Spec((Book("face", 2, 64), Book("right_hand", 2, 64), Book("body", 1, 16)))
FRAMES, STRIDE = 7, 3


def skeleton(frames: int = FRAMES, speed: float = 0.05) -> np.ndarray:
    random = np.random.default_rng(1)
    points = np.ones((frames, POINTS, 3), np.float32)
    points[..., :2] = random.normal(0, 1, (POINTS, 2))
    points[..., 0] += np.arange(frames)[:, None] * speed
    return points


def codes(chunks: int = 4) -> dict[str, np.ndarray]:
    random = np.random.default_rng(2)
    found = {book.part: random.integers(0, book.codes, (chunks, book.levels)) for book in SPEC.books}
    found["right_hand"][1:2] = -1
    return found


def written(path, original, made, rows=None, fps=15.0, stride=STRIDE) -> list[np.ndarray]:
    film.write(path, original, made, rows or codes(), SPEC, fps, stride)
    with Image.open(path) as image:
        frames = []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")).astype(int))
        return frames


def halves(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two stages, without titles and strip."""
    stage = frame[30 : int(scene.STAGE * scene.DPI) - 10]
    middle = frame.shape[1] // 2
    return stage[:, :middle], stage[:, middle:]


def test_both_skeletons_and_the_marker_move(tmp_path):
    frames = written(tmp_path / "a.gif", skeleton(), skeleton(speed=0.02))
    assert len(frames) == FRAMES
    for before, after in pairwise(frames):
        assert all((one != other).any() for one, other in zip(halves(before), halves(after), strict=True))
    strips = [frame[int(scene.STAGE * scene.DPI) + 10 :] for frame in frames]
    moved = [(one != other).any() for one, other in pairwise(strips)]
    assert moved == [(frame + 1) % STRIDE == 0 for frame in range(FRAMES - 1)]  # a new chunk every three frames


def test_the_same_film_is_the_same_bytes(tmp_path):
    for name in ("one.gif", "two.gif"):
        written(tmp_path / name, skeleton(), skeleton())
    assert (tmp_path / "one.gif").read_bytes() == (tmp_path / "two.gif").read_bytes()


def test_five_seconds_stay_small_and_take_five_seconds(tmp_path):
    shaking = skeleton(150)
    shaking[..., :2] += np.random.default_rng(3).normal(0, 0.05, (150, POINTS, 2))
    film.write(tmp_path / "a.gif", shaking, skeleton(150, 0.01), codes(30), SPEC, 30.0, 5)
    assert (tmp_path / "a.gif").stat().st_size < 3_000_000
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames * image.info["duration"] == pytest.approx(5000, rel=0.06)
        assert image.info["loop"] == 0


def test_down_is_down(tmp_path):
    """The right wrist hangs at the largest y: the frame is dark low and not high."""
    one = skeleton(1)
    one[..., 2] = 0
    arm = [6, 8, 10]
    one[0, arm] = [[0, 0.9, 1], [0.05, 0.95, 1], [0, 1, 1]]
    one[0, 1] = [0, 0, 1]  # an eye alone is no bone, but it opens the stage upwards
    (frame,) = written(tmp_path / "a.gif", one, one)
    rows = np.flatnonzero((halves(frame)[0].sum(axis=2) < 600).any(axis=1))
    assert rows.min() > 0.6 * halves(frame)[0].shape[0]


def test_a_hidden_hand_is_not_drawn(tmp_path):
    """Its points lie at 0 with score 0, which is no place."""
    colour = np.array([0x2B, 0x6C, 0xB0])
    hidden = skeleton()
    hidden[:, PARTS["right_hand"]] = 0
    for original, seen in ((skeleton(), True), (hidden, False)):
        stage, _ = halves(written(tmp_path / "a.gif", original, skeleton())[0])
        assert (np.abs(stage - colour).max(axis=2) < 12).any() == seen


def test_white_stays_white_and_codes_keep_their_colours(tmp_path):
    frames = written(tmp_path / "a.gif", skeleton(), skeleton())
    assert {tuple(frame[5, 5]) for frame in frames} == {(255, 255, 255)}


def test_frames_are_left_out_rather_than_played_faster(tmp_path):
    assert len(written(tmp_path / "a.gif", skeleton(20), skeleton(20), codes(7), fps=60.0)) == 5


@pytest.mark.parametrize("stride", [None, 2])
def test_films_without_a_stride_and_with_more_frames_than_chunks(tmp_path, stride):
    assert len(written(tmp_path / "a.gif", skeleton(9), skeleton(9), codes(3), stride=stride)) == 9


@pytest.mark.parametrize("points", [0.0, 1e9, -1e9])
def test_clips_without_a_point_or_with_points_far_away(tmp_path, points):
    one = np.full((2, POINTS, 3), points, np.float32)
    one[..., 2] = points != 0
    rows = {part: rows[2:] for part, rows in codes().items()}
    assert len(written(tmp_path / "a.gif", one, one, rows, stride=1)) == 2


def test_many_levels_share_the_strip(tmp_path):
    spec = Spec((Book("face", 26, 1024), Book("body", 26, 1024)))
    rows = {part: np.random.default_rng(0).integers(0, 1024, (3, 26)) for part in spec.parts}
    film.write(tmp_path / "a.gif", skeleton(2), skeleton(2), rows, spec, 25.0)
    with Image.open(tmp_path / "a.gif") as image:
        assert image.height < 900


@pytest.mark.parametrize(
    ("original", "made", "rows"),
    [
        (skeleton(3), skeleton(4), codes()),
        (skeleton(0), skeleton(0), codes()),
        (skeleton(3), skeleton(3), codes(0)),
        (skeleton(3)[:, :17], skeleton(3)[:, :17], codes()),
        (skeleton(3)[..., :2], skeleton(3)[..., :2], codes()),
    ],
)
def test_what_is_no_film_is_refused_and_leaves_nothing(tmp_path, original, made, rows):
    with pytest.raises(ValueError, match=r"expected \[T, 133, 3\] twice"):
        film.write(tmp_path / "a.gif", original, made, rows, SPEC, 25.0)
    assert list(tmp_path.iterdir()) == []


def test_codes_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(KinetraceError, match="face"):
        film.write(tmp_path / "a.gif", skeleton(), skeleton(), codes() | {"face": np.full((4, 2), 64)}, SPEC, 25.0)


def test_neighbouring_codes_differ_in_colour_and_absent_ones_are_pale():
    shown = scene.colours(np.array([[*range(8), -1]]))[0]
    gaps = np.abs(shown[1:8] - shown[:7]).sum(axis=1)
    assert gaps.min() > 0.2
    assert shown[8].min() > 0.9


def test_bounds_hold_what_is_shown():
    one = skeleton()
    one[:, 5] = [1000, 1000, 0]  # hidden
    low, high = scene.bounds(one)
    shown = one[one[..., 2] > 0][:, :2]
    inside = ((shown > low) & (shown < high)).all(axis=1)
    assert inside.mean() > 0.98
    assert high.max() < 10


def test_the_chunks_that_hold_a_frame():
    timing = scene.Timing(count=4, stride=5, length=10, fps=25.0)
    for frame in range(24):
        holding = [chunk for chunk in range(4) if 5 * chunk <= frame < 5 * chunk + 10]
        assert (timing.first(frame), timing.last(frame)) == (holding[0], holding[-1])
    alone = scene.Timing(count=3, stride=7.5, length=0, fps=25.0)
    assert [(alone.first(frame), alone.last(frame)) for frame in (0, 7, 8, 22, 90)] == [
        (0, 0), (0, 0), (1, 1), (2, 2), (2, 2),
    ]  # fmt: skip


def test_a_chunk_that_outlasts_its_stride_is_marked_with_the_next(tmp_path):
    for name, length in (("short.gif", None), ("long.gif", 2 * STRIDE)):
        film.write(tmp_path / name, skeleton(), skeleton(), codes(), SPEC, 15.0, STRIDE, length)
    assert (tmp_path / "short.gif").read_bytes() != (tmp_path / "long.gif").read_bytes()
