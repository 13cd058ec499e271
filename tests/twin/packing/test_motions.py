import numpy as np
import pytest

from kinetrace.twin.packing.scene import (
    BOX_LABEL,
    IN_BOX,
    LEFT_HAND,
    ON_SHELF,
    OUT,
    RIGHT,
    RIGHT_HAND,
    SHIPPING_LABEL,
    TAG,
    WRONG,
)
from kinetrace.twin.packing.session import Session

FPS = 15


@pytest.fixture(scope="module", params=[0, 2], ids=["right-handed", "left-handed"])
def session(request):
    return Session.of(7, request.param, 0, 400, FPS)


def frames(session, label, start=0.0, end=1.0):
    """For each such operation the frames between two shares of its time."""
    for step in session.steps:
        if step.label == label:
            lasts = step.end - step.start
            yield step, slice(*(round(FPS * (step.start + share * lasts)) for share in (start, end)))


@pytest.mark.parametrize(
    ("label", "tool"),
    [("Close Box", "dispenser"), ("Scan Label", "scanner"), ("Fill out Order", "pen")],
)
def test_a_tool_is_in_the_hand_for_its_operation_alone(session, label, tool):
    held = getattr(session.scene, f"{tool}_hand") >= 0
    during = np.zeros_like(held)
    for _, span in frames(session, label):
        during[span] = True
        assert held[span].mean() > 0.25
    assert during.any() and not (held & ~during).sum() > 2
    assert (getattr(session.scene, f"{tool}_hand")[held] == RIGHT_HAND).all()


@pytest.mark.parametrize(
    ("label", "kind"),
    [("Relocate Item Label", TAG), ("Attach Box Label", BOX_LABEL), ("Attach Shipping Label", SHIPPING_LABEL)],
)
def test_a_label_goes_through_the_hand(session, label, kind):
    for _, span in frames(session, label):
        kinds = set(session.scene.label_kind[span].tolist())
        assert kinds == {0.0, float(kind)}


def test_picked_items_come_from_the_shelf_to_the_tray_and_their_lamps_go_out(session):
    for step, span in frames(session, "Picking"):
        for item in step.state.shelf[:2]:
            where, lamp = session.scene.item_where[span, item], session.scene.lamps[span, item]
            assert where[1] == ON_SHELF and where[-1] == OUT and lamp[1] == 1 and lamp[-1] == 0
            assert LEFT_HAND in session.scene.item_hands[span, item]
            lies = session.scene.items[span.stop - 1, item]
            assert np.abs(lies - session.packer.places.tray).max() < 40


def test_new_labels_are_stuck_on_the_items_with_wrong_ones(session):
    for step, span in frames(session, "Relocate Item Label"):
        for item in step.state.wrong:
            assert session.scene.item_tag[span, item][[1, -1]].tolist() == [WRONG, RIGHT]


def test_items_end_up_in_the_box(session):
    for step, span in frames(session, "Insert Items"):
        for item in step.state.tray:
            assert session.scene.item_where[span.stop - 1, item] == IN_BOX
            assert np.abs(session.scene.items[span.stop - 1, item] - session.packer.places.work).max() < 60


@pytest.mark.parametrize(
    ("label", "progress"), [("Assemble Box", "fold"), ("Close Box", "tape"), ("Fill out Order", "written")]
)
def test_progress_can_be_seen(session, label, progress):
    for _, span in frames(session, label):
        values = getattr(session.scene, progress)[span]
        assert values[1] < 0.05 and values[-1] > 0.95 and (np.diff(values) > -1e-9).all()
        assert ((values > 0.05) & (values < 0.95)).mean() > 0.06


def test_the_parcel_goes_to_the_back_table(session):
    for _, span in frames(session, "Put on Back Table"):
        there = session.scene.parcel_there[span] > 0.5
        way = session.scene.parcel[span][there]
        assert np.linalg.norm(way[0] - session.packer.places.work) < 5
        assert np.linalg.norm(way[-1] - session.packer.places.back) < 5
        assert session.scene.pile[span.stop] > 0


def test_hands_move_smoothly_and_stay_on_the_table(session):
    hands = session.scene.hands
    assert np.linalg.norm(np.diff(hands, axis=0), axis=2).max() < 120
    assert (hands > (-10, 60)).all() and (hands < (650, 480)).all()


def test_confusable_operations_share_their_hands_ways(session):
    """Both labels are fetched from one printer, and hands are over the box in packing as in closing."""
    printer, work = session.packer.places.printer, session.packer.places.work
    for label in ("Attach Box Label", "Attach Shipping Label"):
        for _, span in frames(session, label, 0.2, 0.5):
            assert np.linalg.norm(session.scene.hands[span, RIGHT_HAND] - printer, axis=1).min() < 60
    for label, start, end in (("Insert Items", 0.85, 1.0), ("Close Box", 0.15, 0.35)):
        for _, span in frames(session, label, start, end):
            assert np.abs(session.scene.hands[span] - work).max(axis=(1, 2)).min() < 75
