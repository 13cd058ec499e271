import numpy as np

from kinetrace.twin.draws import draws
from kinetrace.twin.packing.places import TRAY, Places, by


def test_places_are_about_where_they_usually_are():
    usual, drawn = Places.drawn(draws(1), jitter=0.0), [Places.drawn(draws(seed)) for seed in range(20)]
    for name, place in vars(usual).items():
        away = np.stack([getattr(places, name) - place for places in drawn])
        assert 4 < np.abs(away).max() <= 8


def test_slots_of_the_tray_and_the_printer_go_with_them():
    places = Places.drawn(draws(1))
    assert (np.abs(places.tray_slots - places.tray) < TRAY).all()
    assert np.linalg.norm(places.printer_slots - places.printer, axis=1).max() < 40


def test_by_is_a_way_to_the_right_and_down():
    assert (np.array([[1.0, 2.0], [3.0, 4.0]]) + by(10, 1)).tolist() == [[11, 3], [13, 5]]
