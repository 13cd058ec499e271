import numpy as np
import pytest

from kinetrace.twin.draws import draws
from kinetrace.twin.packing.disturbances import KINDS, LONGEST, SHORTEST, Occlusion, Sensor, occlusions

GREY = np.full((480, 640, 3), 110, np.uint8)
SHADE = np.full((480, 640), 100, np.uint8)


def test_occlusions_come_as_often_as_asked_and_do_not_last():
    found = occlusions(6000, 3, draws(1))
    assert len(found) == pytest.approx(300, rel=0.2)
    lasting = [occlusion.end - occlusion.start for occlusion in found]
    assert min(lasting) >= SHORTEST and max(lasting) <= LONGEST
    assert {occlusion.kind for occlusion in found} == set(KINDS)
    assert occlusions(6000, 0, draws(1)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_occlusion_hides_part_of_the_picture(kind):
    occlusion = Occlusion(0.0, 1.0, kind, np.array([320.0, 240.0]), 1.0, (10.0, 60.0, 90.0))
    picture = GREY.copy()
    occlusion.paint(picture, 0.5)
    assert 0.05 < (picture != GREY).any(axis=2).mean() < 0.9
    assert (picture[300, 320] != GREY[0, 0]).any()


def planes(yuv):
    return yuv[:480], yuv[480:600], yuv[600:]


def test_a_delivered_picture_has_noise_that_differs_from_frame_to_frame():
    sensor = Sensor(SHADE, draws(2))
    first, second = (planes(sensor.delivered(GREY, 0.0))[0].astype(float) for _ in range(2))
    assert 1 < first.std() < 4
    assert np.abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.05


def test_light_and_colour_change_slowly_and_light_flickers():
    sensor = Sensor(SHADE, draws(2))
    frames = [planes(sensor.delivered(GREY, float(time))) for time in np.arange(0, 120, 2.0)]
    light, blue, red = (np.array([frame[k].mean() for frame in frames]) for k in range(3))
    assert np.ptp(light) > 8 and np.ptp(blue) > 2 and np.ptp(red) > 2
    at_once = [planes(sensor.delivered(GREY, 5.0))[0].mean() for _ in range(10)]
    assert 0.3 < np.std(at_once) < 4


def test_shade_makes_a_part_darker():
    shade = SHADE.copy()
    shade[:, :320] = 60
    luma = planes(Sensor(shade, draws(2)).delivered(GREY, 0.0))[0]
    assert luma[:, :320].mean() < 0.7 * luma[:, 320:].mean()
