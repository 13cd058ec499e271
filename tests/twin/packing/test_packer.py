import numpy as np

from kinetrace.twin.packing.packer import Packer
from kinetrace.twin.packing.places import HEIGHT, TRAY, WIDTH, by

PEOPLE = [Packer.of(7, number) for number in range(12)]


def pixels(packer, places):
    return np.atleast_2d(places) @ packer.camera[:, :2].T + packer.camera[:, 2]


def test_everything_is_in_view_for_everyone():
    for packer in PEOPLE:
        p = packer.places
        ends = [p.bins, p.tray + TRAY, p.tray - TRAY, p.tags, p.sheet, p.sheet + by(0, 50), p.pen, p.work, p.stack]
        for places in [*ends, p.tape, p.scanner + by(20, 0), p.printer + by(0, 40), p.printer_slots, p.back]:
            found = pixels(packer, places)
            assert (found > 0).all() and (found < (WIDTH, HEIGHT)).all()


def test_a_left_handed_packer_works_mirrored():
    mirrored = [np.linalg.det(packer.camera[:, :2]) < 0 for packer in PEOPLE]
    assert any(mirrored) and not all(mirrored)
    for packer, left in zip(PEOPLE, mirrored, strict=True):
        shelf, scanner = pixels(packer, packer.places.bins).mean(0)[0], pixels(packer, packer.places.scanner)[0, 0]
        assert (shelf > scanner) == left


def test_people_differ_in_colours_places_and_light():
    looks = [packer.look for packer in PEOPLE]
    for name in ("shirt", "table", "floor", "card"):
        assert np.std([getattr(look, name) for look in looks], axis=0).mean() > 15
    assert len({packer.places.tape.tobytes() for packer in PEOPLE}) == len(PEOPLE)
    assert np.ptp([packer.shade.mean() for packer in PEOPLE]) > 15


def test_hands_can_be_told_from_the_table():
    for packer in PEOPLE:
        assert np.linalg.norm(np.subtract(packer.look.skin, packer.look.table)) > 60


def test_a_person_is_a_function_of_seed_and_number():
    again, other = Packer.of(7, 3), Packer.of(8, 3)
    assert again.look == PEOPLE[3].look and (again.camera == PEOPLE[3].camera).all()
    assert other.look != PEOPLE[3].look
