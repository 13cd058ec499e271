"""Everything that moves or changes on the table: as tracks while a session is staged, as arrays once it is filmed."""

from dataclasses import dataclass, fields

import numpy as np

from kinetrace.twin.packing.places import REST, Places
from kinetrace.twin.packing.track import Track

ITEMS = 4  # an order at most
LEFT_HAND, RIGHT_HAND = 0, 1
HIDDEN, ON_SHELF, OUT, IN_BOX = 0, 1, 2, 3  # where an item is
NO_TAG, WRONG, RIGHT = 0, 1, 2  # the label of an item
NO_LABEL, TAG, BOX_LABEL, SHIPPING_LABEL = 0, 1, 2, 3  # what a hand holds
TREMOR = 0.8  # pixels


@dataclass(frozen=True)
class Scene:
    """The table in each of T frames. Places are ``[T, 2]``, shares and counts ``[T]``, of each item ``[T, 4]``.

    ``order`` is the one on the sheet and in the shelf, ``box_order`` the box's (the next one comes before the last
    is gone), ``parcel_order`` that of the box which is being carried away; each indexes the session's orders.
    """

    hands: np.ndarray  # [T, 2, 2]: the left one first, as the camera sees a right-handed packer
    order: np.ndarray
    box_order: np.ndarray
    parcel_order: np.ndarray
    box: np.ndarray
    box_there: np.ndarray  # 0 or 1
    fold: np.ndarray  # 0 a flat box, 1 a standing one
    flaps: np.ndarray  # 0 open, 1 closed
    tape: np.ndarray  # the share of the seam that is taped
    box_label: np.ndarray
    scanned: np.ndarray
    shipping_label: np.ndarray
    parcel: np.ndarray
    parcel_there: np.ndarray
    pile: np.ndarray  # boxes on the back table
    items: np.ndarray  # [T, 4, 2]
    item_hands: np.ndarray  # [T, 4]: the hand that holds it, or -1
    item_where: np.ndarray
    item_tag: np.ndarray
    lamps: np.ndarray  # [T, 4]: 1 is lit
    dispenser: np.ndarray
    dispenser_hand: np.ndarray  # the hand that holds it, or -1
    scanner: np.ndarray
    scanner_hand: np.ndarray
    beam: np.ndarray
    pen: np.ndarray
    pen_hand: np.ndarray
    label: np.ndarray
    label_kind: np.ndarray
    written: np.ndarray


class Stage:
    """The tracks of a session: what ``Scene`` has as arrays."""

    def __init__(self, places: Places) -> None:
        self.hands = (Track.of(REST[0]), Track.of(REST[1]))
        self.order, self.box_order, self.parcel_order = Track.of(0), Track.of(0), Track.of(0)
        self.box, self.box_there = Track.of(places.work), Track.of(0)
        self.fold, self.flaps, self.tape = Track.of(0), Track.of(0), Track.of(0)
        self.box_label, self.scanned, self.shipping_label = Track.of(0), Track.of(0), Track.of(0)
        self.parcel, self.parcel_there, self.pile = Track.of(places.back), Track.of(0), Track.of(0)
        self.items = [Track.of(places.bins[k]) for k in range(ITEMS)]
        self.item_where = [Track.of(HIDDEN) for _ in range(ITEMS)]
        self.item_tag = [Track.of(NO_TAG) for _ in range(ITEMS)]
        self.lamps = [Track.of(0) for _ in range(ITEMS)]
        self.dispenser, self.scanner, self.pen = Track.of(places.tape), Track.of(places.scanner), Track.of(places.pen)
        self.beam, self.written = Track.of(0), Track.of(0)
        self.label, self.label_kind = Track.of(places.printer), Track.of(NO_LABEL)

    def scene(self, times_T: np.ndarray, random: np.random.Generator) -> Scene:
        """The table at ``times_T`` seconds, which ascend; ``random`` makes the hands tremble."""
        tremor = TREMOR * _smooth(random.standard_normal((len(times_T), 2, 2)))
        hands = np.stack([hand.at(times_T) for hand in self.hands], axis=1) + tremor
        named: dict[str, np.ndarray] = {"hands": hands}
        for thing in ("box", "parcel", "dispenser", "scanner", "pen", "label"):
            named[thing] = getattr(self, thing).carried(times_T, hands)
        for tool in ("dispenser", "scanner", "pen"):
            named[f"{tool}_hand"] = getattr(self, tool).held(times_T)
        named["items"] = np.stack([item.carried(times_T, hands) for item in self.items], axis=1)
        named["item_hands"] = np.stack([item.held(times_T) for item in self.items], axis=1)
        for name in ("item_where", "item_tag", "lamps"):
            named[name] = np.concatenate([track.at(times_T) for track in getattr(self, name)], axis=1).round()
        rest = {field.name for field in fields(Scene)} - set(named)
        return Scene(**named, **{name: getattr(self, name).at(times_T)[:, 0] for name in rest})


def _smooth(noise_THC: np.ndarray) -> np.ndarray:
    """Over three frames."""
    padded = np.concatenate([noise_THC[:1], noise_THC, noise_THC[-1:]])
    smooth: np.ndarray = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    return smooth
