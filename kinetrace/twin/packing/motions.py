"""How each operation is done: the hands' ways, what they carry, and what becomes of the box."""

from collections.abc import Callable

import numpy as np

from kinetrace.twin.packing.act import Act
from kinetrace.twin.packing.orders import HANDFUL, NULL
from kinetrace.twin.packing.places import by
from kinetrace.twin.packing.scene import (
    BOX_LABEL,
    IN_BOX,
    LEFT_HAND,
    NO_LABEL,
    OUT,
    RIGHT,
    RIGHT_HAND,
    SHIPPING_LABEL,
    TAG,
)

FULL_BACK_TABLE = 4
BOTH = ((LEFT_HAND, -1.0), (RIGHT_HAND, 1.0))  # and to which side of the box each belongs


def _pick(act: Act) -> None:
    taken = act.state.shelf[:HANDFUL]
    act.go(RIGHT_HAND, act.places.tray + by(70.0, -10.0), 0.02, 0.25, 10)
    for turn, item in enumerate(taken):
        a, b = (turn + np.array([0.0, 1.0])) / len(taken)
        own, slot = b - a, act.places.tray_slots[item % HANDFUL]
        act.go(LEFT_HAND, act.places.bins[item] + by(8.0, 4.0), a, a + 0.42 * own)
        grasp, drop = act.at(a + 0.5 * own), act.at(a + 0.92 * own)
        act.stage.lamps[item].to(0, grasp)
        act.stage.item_where[item].to(OUT, grasp)
        act.stage.items[item].hold(LEFT_HAND, grasp, drop, (6, 14))
        act.stage.items[item].to(slot, grasp)
        act.go(LEFT_HAND, slot - by(6.0, 14.0), a + 0.52 * own, a + 0.92 * own, 2)


def _relocate(act: Act) -> None:
    wrong = act.state.wrong
    for turn, item in enumerate(wrong):
        a, b = (turn + np.array([0.0, 1.0])) / len(wrong)
        own = b - a
        slot = act.places.tray_slots[item % HANDFUL]
        act.go(LEFT_HAND, slot + by(-16.0, 6.0), a, a + 0.3 * own)
        act.go(RIGHT_HAND, act.places.tags + by(14.0, 2.0), a, a + 0.25 * own)
        act.wave(RIGHT_HAND, a + 0.25 * own, a + 0.45 * own, (9, 3), 2.5)
        _carry_label(act, TAG, a + 0.42 * own, a + 0.72 * own)
        act.go(RIGHT_HAND, slot + by(4.0, -12.0), a + 0.45 * own, a + 0.68 * own, 2)
        act.stage.item_tag[item].to(RIGHT, act.at(a + 0.72 * own))
        act.wave(RIGHT_HAND, a + 0.7 * own, a + 0.98 * own, (10, 0), 2.2)


def _carry_label(act: Act, kind: int, start: float, end: float) -> None:
    act.stage.label_kind.to(kind, act.at(start))
    act.stage.label.hold(RIGHT_HAND, act.at(start), act.at(end), (-4, 18))
    act.stage.label_kind.to(NO_LABEL, act.at(end))


def _assemble(act: Act) -> None:
    stage, begin = act.stage, 0.05
    if not act.state.order.fed:
        for hand, side in BOTH:
            act.go(hand, act.places.stack + by(side * 60, -6.0), 0.0, 0.15)
            act.go(hand, act.beside(side * 1.1, 0), 0.2, 0.35)
        stage.box.to(act.places.stack, act.at(0.0))
        stage.box_there.to(1, act.at(0.17))
        stage.box.to(act.places.work, act.at(0.2), act.at(0.35))
        begin = 0.36
    unfolded = begin + 0.5 * (1 - begin)
    for hand, side in BOTH:
        act.go(hand, act.beside(side * 0.3, 0.2), begin, begin + 0.1)
        act.go(hand, act.beside(side * 1.05, -0.1), begin + 0.12, unfolded)
        act.wave(hand, begin + 0.1, unfolded, (side * 12, 5), 1.3)
        act.go(hand, act.beside(side * 0.95, -1.1), unfolded, unfolded + 0.12)
        act.go(hand, act.beside(side * 1.25, 0.9), unfolded + 0.16, 0.96)
        act.wave(hand, unfolded + 0.05, 0.97, (side * 7, 9), 1.7)
    stage.fold.to(1, act.at(begin + 0.08), act.at(0.9))


def _insert(act: Act) -> None:
    tray, packed = act.state.tray, 0.74
    for turn, item in enumerate(tray):
        a, b = packed * (turn + np.array([0.0, 1.0])) / len(tray)
        own = b - a
        hand = (LEFT_HAND, RIGHT_HAND)[turn % 2]
        slot = act.places.tray_slots[item % HANDFUL]
        spot = act.beside(-0.45 + 0.9 * (item % 2), -0.4 + 0.8 * (item // 2))
        act.go(hand, slot - by(4.0, 12.0), a, a + 0.38 * own)
        act.stage.items[item].hold(hand, act.at(a + 0.45 * own), act.at(a + 0.88 * own), (4, 14))
        act.stage.items[item].to(spot, act.at(a + 0.5 * own))
        act.stage.item_where[item].to(IN_BOX, act.at(a + 0.84 * own))
        act.go(hand, spot - by(4.0, 14.0), a + 0.47 * own, a + 0.86 * own, 3)
        other = 1 - hand
        act.go(other, act.beside(0.9 if other else -0.9, 0.5), a, a + 0.5 * own, 6)
    for hand, side in BOTH:
        act.go(hand, act.beside(side * 0.4, -0.1), packed, packed + 0.1)
        act.wave(hand, packed + 0.08, 1.0, (side * 11, 7), 1.6)


def _close(act: Act) -> None:
    stage, folded = act.stage, 0.42
    for hand, side in BOTH:
        act.go(hand, act.beside(side * 1.3, 0.1), 0.0, 0.1)
        act.go(hand, act.beside(side * 0.4, 0.0), 0.1, 0.21)
        act.go(hand, act.beside(side * 0.5, -1.0 if hand else 1.2), 0.22, 0.3)
        act.go(hand, act.beside(side * 0.35, 0.1), 0.31, folded)
        act.wave(hand, 0.06, folded, (side * 6, 6), 1.6)
    stage.flaps.to(0.5, act.at(0.1), act.at(0.21))
    stage.flaps.to(1, act.at(0.3), act.at(folded))
    act.go(RIGHT_HAND, act.places.tape, folded, 0.54)
    stage.dispenser.hold(RIGHT_HAND, act.at(0.55), act.at(0.96), (0, 16))
    act.go(LEFT_HAND, act.beside(-0.7, 0.5), folded + 0.05, 0.55)
    act.go(RIGHT_HAND, act.beside(-1.05, -0.3), 0.57, 0.66)
    act.go(RIGHT_HAND, act.beside(1.1, -0.3), 0.67, 0.84)
    stage.tape.to(1, act.at(0.67), act.at(0.84))
    act.go(LEFT_HAND, act.beside(0.3, 0.3), 0.82, 0.9)
    act.go(RIGHT_HAND, act.places.tape - by(0.0, 16.0), 0.86, 0.96, 2)
    act.wave(LEFT_HAND, 0.86, 1.0, (20, 0), 1.2)


def _attach(kind: int, slot: int, where: tuple[float, float]) -> Callable[[Act], None]:
    """Take a label from the printer's ``slot`` and stick it on the box: two operations that differ in little else."""

    def act_out(act: Act) -> None:
        spot = act.beside(*where)
        act.go(LEFT_HAND, act.beside(-0.95, -0.2), 0.05, 0.3, 8)
        act.go(RIGHT_HAND, act.places.printer_slots[slot] - by(-4.0, 16.0), 0.0, 0.24)
        act.wave(RIGHT_HAND, 0.22, 0.4, (4, 9), 2.4)
        _carry_label(act, kind, 0.36, 0.68)
        act.go(RIGHT_HAND, spot - by(-4.0, 18.0), 0.4, 0.64, 2)
        act.go(LEFT_HAND, spot + by(-30.0, 4.0), 0.55, 0.7)
        (act.stage.box_label if kind == BOX_LABEL else act.stage.shipping_label).to(1, act.at(0.68))
        act.wave(RIGHT_HAND, 0.68, 0.98, (15, 3), 2.0)

    return act_out


def _scan(act: Act) -> None:
    stage = act.stage
    act.go(RIGHT_HAND, act.places.scanner - by(0.0, 10.0), 0.0, 0.25)
    stage.scanner.hold(RIGHT_HAND, act.at(0.27), act.at(0.93), (0, 18))
    act.go(LEFT_HAND, act.beside(-1.0, 0.3), 0.1, 0.35, 8)
    act.go(RIGHT_HAND, act.beside(-0.1, -0.9), 0.3, 0.52)
    act.wave(RIGHT_HAND, 0.5, 0.74, (7, 4), 1.1)
    stage.beam.to(1, act.at(0.5))
    stage.beam.to(0, act.at(0.72))
    stage.scanned.to(1, act.at(0.7))
    act.go(RIGHT_HAND, act.places.scanner - by(0.0, 18.0), 0.75, 0.93, 2)


def _ship_away(act: Act) -> None:
    stage = act.stage
    for hand, side in BOTH:
        act.go(hand, act.beside(side * 1.05, 0.0), 0.0, 0.22, 3)
        act.go(hand, act.places.back + act.half * (side * 0.9, 0.0) - by(0.0, 4.0), 0.32, 0.72, 3)
        act.rest(hand, 0.78, 1.0)
    lift, down = act.at(0.28), act.at(0.74)
    stage.parcel_order.to(stage.box_order.now, lift)
    stage.parcel.to(act.places.work, lift - 0.01)
    stage.parcel_there.to(1, lift)
    stage.parcel.to(act.places.back, act.at(0.32), act.at(0.72))
    stage.parcel_there.to(0, down)
    stage.pile.to(1 if stage.pile.now[0] >= FULL_BACK_TABLE else stage.pile.now + 1, down)
    for track in (stage.box_there, stage.fold, stage.flaps, stage.tape):
        track.to(0, lift)
    for track in (stage.box_label, stage.scanned, stage.shipping_label):
        track.to(0, lift)


def _fill_out(act: Act) -> None:
    sheet = act.places.sheet
    act.go(RIGHT_HAND, act.places.pen, 0.0, 0.16)
    act.stage.pen.hold(RIGHT_HAND, act.at(0.18), act.at(0.95), (-6, 10))
    act.go(LEFT_HAND, sheet + by(-44.0, -20.0), 0.05, 0.25)
    for line in range(3):
        a = 0.22 + 0.2 * line
        act.go(RIGHT_HAND, sheet + by(-16.0, -14.0 + 18 * line), a, a + 0.05, 1)
        act.go(RIGHT_HAND, sheet + by(36.0, -14.0 + 18 * line), a + 0.06, a + 0.19, 1)
    act.wave(RIGHT_HAND, 0.24, 0.82, (2, 5), 3.2)
    act.stage.written.to(1, act.at(0.24), act.at(0.82))
    act.go(RIGHT_HAND, act.places.pen - by(-6.0, 10.0), 0.85, 0.95, 2)


def _idle(act: Act) -> None:
    for hand in (LEFT_HAND, RIGHT_HAND):
        act.rest(hand, 0.0, 0.5)
        act.wave(hand, 0.3, 1.0, (5, 8), 0.6)


ACTS: dict[str, Callable[[Act], None]] = {
    "Picking": _pick,
    "Relocate Item Label": _relocate,
    "Assemble Box": _assemble,
    "Insert Items": _insert,
    "Close Box": _close,
    "Attach Box Label": _attach(BOX_LABEL, 0, (-0.5, -0.5)),
    "Scan Label": _scan,
    "Attach Shipping Label": _attach(SHIPPING_LABEL, 1, (0.4, 0.45)),
    "Put on Back Table": _ship_away,
    "Fill out Order": _fill_out,
    NULL: _idle,
}
