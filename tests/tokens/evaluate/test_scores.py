"""What a clip contributes, against plain loops over its frames and points."""

import numpy as np
import pytest
import torch

from kinetrace.tokens.data.chunks import cut, positions
from kinetrace.tokens.data.landmarks import PARTS, POINTS
from kinetrace.tokens.evaluate.scores import MODEL, RIVALS, Measure, observed, scored
from kinetrace.tokens.model.batches import windows
from kinetrace.tokens.model.inference import Tokenized, decode, encode
from kinetrace.tokens.model.network import PoseTokenizer, Scaling
from tests.tokens.settings import params

MODEL_PARAMS = params().model
MEASURE = Measure(0.25, 0.2)
FPS = 25.0


@pytest.fixture(scope="module")
def model() -> PoseTokenizer:
    """Untrained, around a mean pose of its own for each part."""
    torch.manual_seed(0)
    scaling = {
        part: Scaling(torch.randn(PARTS[part].stop - PARTS[part].start, 2), torch.tensor(0.5))
        for part in MODEL_PARAMS.parts
    }
    return PoseTokenizer(MODEL_PARAMS, dict.fromkeys(MODEL_PARAMS.parts, 8), scaling).eval()


def clip(frames: int = 23, hidden: float = 0.15) -> np.ndarray:
    random = np.random.default_rng(5)
    points = np.zeros((frames, POINTS, 3), np.float32)
    home = random.normal(0, 60, (POINTS, 2))
    home[:3] = (0, 0), (20, -20), (-20, -20)
    points[..., :2] = 256 + home + random.normal(0, 3, (frames, POINTS, 2)).cumsum(0)
    points[..., 2] = random.uniform(0.3, 1, (frames, POINTS))
    points[random.random((frames, POINTS)) < hidden, 2] = 0.1
    points[:, [0, 1, 2, 31, 91], 2] = 0.9  # nose, eyes, chin and one wrist are always there
    points[:, 112, 2] = 0.0  # the other wrist never
    return points


def found(model: PoseTokenizer, points: np.ndarray) -> Tokenized:
    chunks = cut(points.reshape(len(points), -1), MODEL_PARAMS)
    return Tokenized(chunks, encode(model, chunks))


@pytest.fixture(scope="module")
def case(model):
    one = found(model, clip())
    return one, scored(model, one, FPS, MEASURE)


def test_only_points_that_the_detector_saw_count(model):
    points = clip()
    one = found(model, points)
    for part in ("face", "left_hand", "body"):
        wanted = points[:, PARTS[part], 2] >= 0.25
        np.testing.assert_array_equal(observed(one.chunks, part, 0.25), wanted)
    assert not observed(one.chunks, "right_hand", 0.25).any()  # absent, although its fingers are seen


def test_the_error_is_that_of_a_loop_over_frames_and_points(model, case):
    one, ratios = case
    made = decode(model, one.codes)
    for part in ("face", "body"):
        error, count = 0.0, 0
        for frame in range(one.chunks.frames):
            inside = [n for n, start in enumerate(one.chunks.starts) if start <= frame < start + 10]
            for point in range(made[part].shape[2]):
                rows = [(n, frame - one.chunks.starts[n], point) for n in inside]
                if one.chunks.values[part][rows[0]][2] < 0.25:
                    continue
                true = np.mean([one.chunks.values[part][row][:2] for row in rows], axis=0)
                guess = np.mean([made[part][row] for row in rows], axis=0)
                error, count = error + float(((guess - true) ** 2).sum()), count + 1
        ratio = ratios[MODEL][f"{part}/mse"]
        assert ratio.denominator == count
        assert ratio.numerator == pytest.approx(error, rel=1e-4)


def test_all_parts_together_are_the_sums_of_the_parts(case):
    _, ratios = case
    for of_all in ratios.values():
        for metric in ("mse", "pck", "velocity_error", "unexplained_variance", "acceleration_ratio"):
            parts = [of_all[f"{part}/{metric}"] for part in MODEL_PARAMS.parts]
            assert of_all[metric].numerator == pytest.approx(sum(part.numerator for part in parts))
            assert of_all[metric].denominator == pytest.approx(sum(part.denominator for part in parts))


def test_an_absent_part_counts_nothing_and_is_a_number(case):
    _, ratios = case
    for of_all in ratios.values():
        assert {of_all[f"right_hand/{name}"].denominator for name in ("mse", "pck", "velocity_error")} == {0}
        assert all(np.isfinite([ratio.numerator, ratio.denominator]).all() for ratio in of_all.values())


def test_a_still_rival_never_moves_and_the_own_mean_is_the_best_of_them(case):
    _, ratios = case
    for part in ("face", "left_hand", "body"):
        own, mean = (ratios[who][f"{part}/mse"].numerator for who in ("clip_mean", "mean_pose"))
        assert own < mean
        assert ratios["mean_pose"][f"{part}/unexplained_variance"].numerator == pytest.approx(mean)
        for who in ("clip_mean", "mean_pose"):
            assert ratios[who][f"{part}/acceleration_ratio"].numerator == pytest.approx(0, abs=1e-4)
        assert ratios["clip_mean"][f"{part}/velocity_error"] == ratios["mean_pose"][f"{part}/velocity_error"]


def test_other_codes_change_the_model_and_not_the_rivals(model, case):
    one, ratios = case
    codes = {part: np.where(rows < 0, rows, (rows + 1) % 8) for part, rows in one.codes.items()}
    changed = scored(model, Tokenized(one.chunks, codes), FPS, MEASURE)
    assert changed[MODEL]["mse"] != ratios[MODEL]["mse"]
    assert all(changed[who] == ratios[who] for who in RIVALS)


@torch.inference_mode()
def test_the_network_without_codes_is_the_decoder_on_the_latents(model, case):
    one, ratios = case
    present = windows(one.chunks)["face"]
    plain = model.positions("face", model.latent("face", present)).numpy()
    made = positions(one.chunks, "face", plain)  # every chunk shows the face
    true, seen = positions(one.chunks, "face"), observed(one.chunks, "face", 0.25)
    error = np.square(made - true)[seen].sum()
    assert ratios["unquantized"]["face/mse"].numerator == pytest.approx(error, rel=1e-4)
    assert ratios[MODEL]["face/mse"].numerator != pytest.approx(error, rel=1e-4)


def test_what_is_reconstructed_exactly_has_no_error(model, case, monkeypatch):
    one, _ = case
    monkeypatch.setattr(
        "kinetrace.tokens.evaluate.scores.decode",
        lambda model, codes: {part: values[..., :2] for part, values in one.chunks.values.items()},
    )
    exact = scored(model, one, FPS, MEASURE)[MODEL]
    assert exact["mse"].numerator == pytest.approx(0, abs=1e-9)
    assert exact["pck"].numerator == exact["pck"].denominator > 0
    assert exact["acceleration_ratio"].numerator == pytest.approx(exact["acceleration_ratio"].denominator)


def test_velocity_is_in_eye_distances_a_second(model, case):
    one, ratios = case
    twice = scored(model, one, 2 * FPS, MEASURE)
    for who in (MODEL, *RIVALS):
        assert twice[who]["velocity_error"].numerator == pytest.approx(2 * ratios[who]["velocity_error"].numerator)
        assert twice[who]["mse"] == ratios[who]["mse"]


def test_a_clip_of_one_frame_has_no_velocity(model):
    one = scored(model, found(model, clip(1)), FPS, MEASURE)[MODEL]
    assert one["mse"].denominator > 0
    assert (one["velocity_error"].denominator, one["acceleration_ratio"].denominator) == (0, 0)
    assert positions(found(model, clip(1)).chunks, "face").shape == (1, 68, 2)
