import numpy as np
import pytest

from kinetrace.stages import validate
from kinetrace.tokens.data.landmarks import PARTS
from kinetrace.tokens.data.plausible import REACH, stretched
from tests.tokens.data.deliveries import entry, write


def standing(frames: int = 4) -> np.ndarray:
    """``[T, 133, 3]``: eyes 10 pixels apart, every other point between them."""
    points = np.zeros((frames, 133, 3), np.float32)
    points[..., 2] = 1
    points[:, 1, 0], points[:, 2, 0] = 5, -5
    return points


@pytest.mark.parametrize("hand", ["left_hand", "right_hand"])
def test_the_share_of_points_out_of_reach(hand):
    points = standing()
    points[:, PARTS[hand].start + 4, 0] = 10 * REACH + 1
    points[:2, PARTS[hand].start + 8, 1] = -10 * REACH - 1
    points[:, PARTS[hand].start + 12, 1] = 10 * REACH - 1
    assert stretched(points) == pytest.approx((4 + 2) / (4 * 42))


def test_only_what_was_seen_counts():
    points = standing()
    points[:, PARTS["left_hand"].start + 4, :2] = 1e4
    points[:, PARTS["left_hand"].start + 4, 2] = 0.1
    points[:, PARTS["right_hand"].start, 2] = 0  # without its wrist a hand has no reach
    points[:, PARTS["right_hand"].start + 1, :2] = 1e4
    assert stretched(points) == 0


@pytest.mark.parametrize("points", [slice(1, 3), slice(91, 133)])
def test_without_eyes_or_hands_there_is_nothing_to_say(points):
    given = standing()
    given[:, points, 2] = 0
    assert stretched(given) is None


def test_such_a_clip_is_quarantined_and_a_slip_is_not(tmp_path):
    wild, slip = standing(20), standing(20)
    wild[:10, PARTS["right_hand"].start + 1 : PARTS["right_hand"].stop, :2] += 200
    slip[0, PARTS["right_hand"].start + 4, :2] += 200
    judged = validate.check(
        write(tmp_path, {"wild": wild, "slip": slip}, {name: entry(num_frames=20) for name in ("wild", "slip")}),
        "tokens",
        None,
        1,
    )
    assert "24% of the hand points seen are over 8 eye distances from their wrist" in judged.refused.reason.str.cat()
    assert judged.refused.breach.tolist() == ["impossible hands"]
