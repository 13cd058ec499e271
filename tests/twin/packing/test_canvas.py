import numpy as np
import pytest

from kinetrace.twin.packing.canvas import Canvas, shaded

WHITE = (255.0, 255.0, 255.0)


def canvas(camera=None):
    return Canvas(np.zeros((480, 640, 3), np.uint8), np.eye(2, 3) if camera is None else np.array(camera))


def middle(picture):
    rows, columns = np.nonzero(picture.any(axis=2))
    return columns.mean(), rows.mean()


def test_shapes_lie_where_the_camera_sees_them():
    mirrored = canvas([[-0.5, 0.0, 600.0], [0.0, 0.5, 20.0]])
    mirrored.box(np.array([200.0, 100.0]), (20, 10), WHITE)
    assert middle(mirrored.picture) == pytest.approx((500, 70), abs=0.6)
    assert mirrored.picture[..., 0].sum() / 255 == pytest.approx(20 * 10, rel=0.3)


def test_positions_are_finer_than_a_pixel():
    sums = []
    for shift in (0.0, 0.25, 0.5):
        painted = canvas()
        painted.disc(np.array([100.0 + shift, 100.0]), 10, WHITE)
        sums.append((painted.picture[..., 0] * np.arange(640)).sum() / painted.picture[..., 0].sum())
    assert sums[0] < sums[1] < sums[2]


def test_a_line_is_as_wide_as_the_camera_shows_it():
    wide, narrow = canvas(), canvas([[0.5, 0, 0], [0, 0.5, 0]])
    for painted in (wide, narrow):
        painted.line([(100.0, 100.0), (300.0, 100.0)], WHITE, 10)
    assert wide.picture[:, 200].any(axis=1).sum() > 1.3 * narrow.picture[:, 100].any(axis=1).sum() > 6


def test_shaded_colours_stay_colours():
    assert shaded((100.0, 200.0, 250.0), 1.5) == (150, 255, 255) and shaded((100.0, 0.0, 50.0), 0.5) == (50, 0, 25)
