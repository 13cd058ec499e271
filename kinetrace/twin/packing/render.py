"""A scene as it looks from above the table, frame by frame."""

from collections.abc import Sequence

import numpy as np

from kinetrace.twin.packing import boxes, table, worker
from kinetrace.twin.packing.act import half_box
from kinetrace.twin.packing.boxes import Box
from kinetrace.twin.packing.canvas import Canvas
from kinetrace.twin.packing.orders import Order
from kinetrace.twin.packing.packer import Packer
from kinetrace.twin.packing.scene import HIDDEN, IN_BOX, ITEMS, LEFT_HAND, NO_LABEL, RIGHT_HAND, Scene


class Painter:
    """Paints the frames of one session, before light and sensor."""

    def __init__(self, packer: Packer, scene: Scene, orders: Sequence[Order]) -> None:
        self.look, self.places, self.camera = packer.look, packer.places, packer.camera
        self.scene, self.orders = scene, orders
        self.background = table.background(packer.look, packer.places, packer.camera)

    def picture(self, frame: int) -> np.ndarray:
        """``[480, 640, 3]`` uint8: blue, green, red."""
        canvas = Canvas(self.background.copy(), self.camera)
        self._order(canvas, frame)
        self._tools(canvas, frame, held=False)
        self._box(canvas, frame)
        self._parcel(canvas, frame)
        self._worker(canvas, frame)
        return canvas.picture

    def _order(self, canvas: Canvas, frame: int) -> None:
        scene = self.scene
        table.sheet(canvas, self.places, self.orders[round(scene.order[frame])], float(scene.written[frame]))
        table.pile(canvas, self.places, round(scene.pile[frame]), self.look.card)
        self._items(canvas, frame, in_box=False, held=False)
        for bin_place, lit in zip(self.places.bins, scene.lamps[frame], strict=True):
            table.lamp(canvas, bin_place, bool(lit))

    def _items(self, canvas: Canvas, frame: int, in_box: bool, held: bool) -> None:
        scene, number = self.scene, round(self.scene.order[frame])
        for index in range(ITEMS):
            where = scene.item_where[frame, index]
            if where != HIDDEN and (where == IN_BOX) == in_box and (scene.item_hands[frame, index] >= 0) == held:
                colour = self.look.items[(3 * number + index) % len(self.look.items)]
                table.item(canvas, scene.items[frame, index], colour, int(scene.item_tag[frame, index]))

    def _tools(self, canvas: Canvas, frame: int, held: bool) -> None:
        """Those in a hand, or those that lie in their places."""
        scene = self.scene
        if (scene.dispenser_hand[frame] >= 0) == held:
            table.dispenser(canvas, scene.dispenser[frame], self.look)
        if self.orders[round(scene.order[frame])].scanner and (scene.scanner_hand[frame] >= 0) == held:
            table.scanner(canvas, scene.scanner[frame], self.look)
        if (scene.pen_hand[frame] >= 0) == held:
            table.pen(canvas, scene.pen[frame], self.look, held)

    def _box(self, canvas: Canvas, frame: int) -> None:
        scene = self.scene
        if not round(scene.box_there[frame]):
            return
        half = half_box(self.orders[round(scene.box_order[frame])])
        box = Box(
            scene.box[frame],
            half,
            fold=float(scene.fold[frame]),
            flaps=float(scene.flaps[frame]),
            tape=float(scene.tape[frame]),
            box_label=scene.box_label[frame] > 0.5,
            scanned=scene.scanned[frame] > 0.5,
            shipping_label=scene.shipping_label[frame] > 0.5,
        )
        boxes.inside(canvas, box, self.look.card)
        self._items(canvas, frame, in_box=True, held=False)
        self._items(canvas, frame, in_box=True, held=True)
        boxes.lid(canvas, box, self.look.card, self.look.tape)

    def _parcel(self, canvas: Canvas, frame: int) -> None:
        """The box that is carried away."""
        if round(self.scene.parcel_there[frame]):
            order = self.orders[round(self.scene.parcel_order[frame])]
            box = Box(self.scene.parcel[frame], half_box(order), box_label=order.fragile, shipping_label=True)
            boxes.inside(canvas, box, self.look.card)
            boxes.lid(canvas, box, self.look.card, self.look.tape)

    def _worker(self, canvas: Canvas, frame: int) -> None:
        """Arms, what they hold, hands, body."""
        scene, hands_HC = self.scene, self.scene.hands[frame]
        worker.arms(canvas, hands_HC, self.look)
        self._items(canvas, frame, in_box=False, held=True)
        self._tools(canvas, frame, held=True)
        table.label(canvas, scene.label[frame], round(scene.label_kind[frame]))
        if round(scene.beam[frame]):
            table.beam(canvas, scene.scanner[frame])
        for side in (LEFT_HAND, RIGHT_HAND):
            worker.hand(canvas, hands_HC[side], self.look, side, self._grips(side, frame))
        worker.body(canvas, hands_HC, self.look)

    def _grips(self, side: int, frame: int) -> bool:
        """Whether that hand has something in it."""
        scene = self.scene
        tools = (scene.dispenser_hand[frame], scene.scanner_hand[frame], scene.pen_hand[frame])
        label = side == RIGHT_HAND and round(scene.label_kind[frame]) != NO_LABEL
        return label or side in tools or side in scene.item_hands[frame]
