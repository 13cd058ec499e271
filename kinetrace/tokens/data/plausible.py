"""What no body can do: found before training sees it, since one wild clip outweighs a hundred sound ones."""

import numpy as np

from kinetrace.tokens.data.chunks import units
from kinetrace.tokens.data.features import SEEN
from kinetrace.tokens.data.landmarks import CENTRES, PARTS

REACH = 8.0  # eye distances from its wrist that no finger has: a hand is about three long
HANDS = ("left_hand", "right_hand")


def stretched(points: np.ndarray) -> float | None:
    """Of the seen hand points of ``[T, 133, 3]``, the share farther than ``REACH`` from their wrist; None without any.

    Detectors and preprocessing that scale a face and a hand apart give such clips; the unit is the clip's median eye
    distance.
    """
    seen = points[..., 2] >= SEEN
    unit = float(units(points[None, ..., :2], seen[None], np.ones((1, len(points)), bool))[0])
    far = total = 0
    for hand in HANDS:
        shown = seen[:, PARTS[hand]] & seen[:, CENTRES[hand], None]
        steps = points[:, PARTS[hand], :2] - points[:, CENTRES[hand], None, :2]
        far += int(np.sum((np.hypot(steps[..., 0], steps[..., 1]) > REACH * unit) & shown))
        total += int(shown.sum())
    return far / total if unit and total else None
