from itertools import product

import numpy as np
import pytest
import torch

from kinetrace.tokens.data.landmarks import PARTS
from kinetrace.tokens.model.encoders import ENCODERS, POOLINGS
from kinetrace.tokens.model.network import SMALLEST_SPREAD, PoseTokenizer, Scaling, Windows
from tests.tokens.clips import random_windows, tokenizer
from tests.tokens.settings import params

EVERY = [{"model__encoder": name, "model__pooling": pooling} for name, pooling in product(ENCODERS, POOLINGS)]
every = pytest.mark.parametrize("changes", EVERY, ids=lambda changes: "-".join(changes.values()))


@every
@torch.inference_mode()
def test_what_was_never_seen_and_padding_decide_nothing(changes):
    model, windows = tokenizer(**changes), random_windows(40, 21)
    values = windows.values_BLK5
    latent, codes = model.latent("left_hand", windows), model.encode("left_hand", windows)
    for filling in (7.0, -1e4):
        counts = (windows.mask_BL[:, :, None] & windows.known_BK[:, None])[..., None]
        other = Windows(torch.where(counts, values, filling), windows.known_BK, windows.mask_BL)
        torch.testing.assert_close(model.latent("left_hand", other), latent, atol=1e-5, rtol=0)
        assert torch.equal(model.encode("left_hand", other), codes)
    assert codes.shape == (40, 2) and codes.min() >= 0 and codes.max() < 16 and len(codes.unique()) > 3


@torch.inference_mode()
@pytest.mark.parametrize("channel", range(5))
def test_every_channel_of_a_point_that_was_seen_matters(channel):
    model, windows = tokenizer(), random_windows(3, 17)
    changed = windows.values_BLK5.clone()
    place = int(windows.known_BK[0].nonzero()[0, 0])
    changed[0, 0, place, channel] += 1
    other = model.latent("body", Windows(changed, windows.known_BK, windows.mask_BL))
    difference = (other - model.latent("body", windows)).abs().amax(1)
    assert difference[0] > 1e-4 and not difference[1:].any()


@every
@torch.inference_mode()
def test_shapes_from_frames_to_codes_and_back(changes):
    model = tokenizer(**changes, model__parts=["face", "full_body"])
    for part in ("face", "full_body"):
        points = PARTS[part].stop - PARTS[part].start
        codes = model.encode(part, random_windows(4, points))
        assert codes.shape == (4, 2) and codes.dtype == torch.int64
        assert model.decode(part, codes).shape == (4, 10, points, 2)


@torch.inference_mode()
def test_an_absent_level_adds_nothing():
    model = tokenizer()
    codes = torch.tensor([[3, -1], [3, 5]])
    first = model.quantizer("body").core.levels[0].table()[3]
    torch.testing.assert_close(model.decode("body", codes)[0], model.positions("body", first[None])[0])
    assert not torch.allclose(model.decode("body", codes)[0], model.decode("body", codes)[1])


def test_the_scaling_is_a_weighted_mean_and_spread():
    windows = random_windows(30, 5)
    weights = windows.weights_BLK.double().numpy()
    xy = windows.positions_BLK2.double().numpy()
    mean = np.stack([[np.average(xy[:, :, k, axis], weights=weights[:, :, k]) for axis in (0, 1)] for k in range(5)])
    variance = (np.square(xy - mean) * weights[..., None]).sum() / weights.sum() / 2
    found = Scaling.of(Scaling.sums(windows))
    np.testing.assert_allclose(found.mean, mean, atol=1e-6)
    assert found.spread.item() == pytest.approx(variance**0.5, rel=1e-6)


def test_scaling_adds_up_over_batches_and_ignores_what_does_not_count():
    windows = random_windows(30, 5)
    rows = [slice(0, 7), slice(7, 30)]
    parts = [Windows(windows.values_BLK5[r], windows.known_BK[r], windows.mask_BL[r]) for r in rows]
    counts = (windows.weights_BLK > 0)[..., None]
    noisy = Windows(torch.where(counts, windows.values_BLK5, 99.0), windows.known_BK, windows.mask_BL)
    whole = Scaling.of(Scaling.sums(windows))
    for sums in (Scaling.sums(parts[0]) + Scaling.sums(parts[1]), Scaling.sums(noisy)):
        torch.testing.assert_close(Scaling.of(sums).mean, whole.mean)
        torch.testing.assert_close(Scaling.of(sums).spread, whole.spread)


def test_a_point_never_seen_and_a_part_that_never_moves_have_a_finite_scaling():
    values = torch.zeros(2, 10, 3, 5)
    values[..., 2] = 1
    windows = Windows(values, torch.tensor([[True, True, False]] * 2), torch.ones(2, 10, dtype=torch.bool))
    found = Scaling.of(Scaling.sums(windows))
    assert found.spread == torch.tensor(SMALLEST_SPREAD) and not found.mean.any()


@torch.inference_mode()
def test_the_scaling_is_kept_among_the_weights():
    chosen = params().model
    scaling = {
        part: Scaling(torch.randn(PARTS[part].stop - PARTS[part].start, 2), torch.tensor(2.0 + place))
        for place, part in enumerate(chosen.parts)
    }
    first = PoseTokenizer(chosen, dict.fromkeys(chosen.parts, 8), scaling).eval()
    other = PoseTokenizer(chosen, dict.fromkeys(chosen.parts, 8)).eval()
    windows = random_windows(5, 17)
    assert not torch.allclose(first.latent("body", windows), other.latent("body", windows))
    other.load_state_dict(first.state_dict())
    assert torch.equal(first.latent("body", windows), other.latent("body", windows))
    for part in chosen.parts:
        assert torch.equal(other.scaling(part).mean, scaling[part].mean)
        assert torch.equal(other.scaling(part).spread, scaling[part].spread)


@torch.inference_mode()
def test_positions_are_in_the_units_of_the_scaling():
    model = tokenizer()
    latent = torch.randn(3, 16, generator=torch.Generator().manual_seed(0))
    before = model.positions("body", latent)
    mean, spread = model.scaling("body").mean.clone(), model.scaling("body").spread.clone()
    model.get_buffer("mean_body").add_(3)
    model.get_buffer("spread_body").mul_(2)
    torch.testing.assert_close(model.positions("body", latent), (before - mean) / spread * spread * 2 + mean + 3)


def test_parts_keep_their_order_and_have_books_of_their_own():
    chosen = params(model__parts=["right_hand", "face"]).model
    model = PoseTokenizer(chosen, {"right_hand": 8, "face": 32})
    assert model.parts == ["right_hand", "face"]
    assert [len(model.quantizer(part).core.levels[0].table()) for part in model.parts] == [8, 32]


@every
@torch.inference_mode()
def test_an_untrained_network_that_was_started_is_a_principal_component_analysis(changes):
    model = tokenizer(model__latent=7, **changes)
    windows = {part: random_windows(60, PARTS[part].stop - PARTS[part].start) for part in model.parts}
    flat = {part: model.flat(part, own).double() for part, own in windows.items()}
    model.start({part: own.T @ own for part, own in flat.items()}, dict.fromkeys(model.parts, 60))
    for part, own in flat.items():
        latent, scale = model.latent(part, windows[part]), model.scaling(part)
        assert not model.decoder(part, latent).any()
        assert not model.encoder(part, model.standardized(part, windows[part]).flatten(2), windows[part].mask_BL).any()
        right = torch.linalg.svd(own, full_matrices=False).Vh
        nearest = (own @ right[:7].T @ right[:7]).float()
        found = (model.positions(part, latent) - scale.mean) / scale.spread
        torch.testing.assert_close(found.flatten(1), nearest, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(latent.square().mean(), torch.tensor(1.0), rtol=1e-3, atol=1e-3)


@torch.inference_mode()
def test_flat_is_what_deviates_and_counts():
    model, windows = tokenizer(), random_windows(20, 17)
    scale = model.scaling("body")
    found = model.flat("body", windows).unflatten(1, (10, 17, 2))
    counts = windows.mask_BL[:, :, None] & windows.known_BK[:, None]
    assert not found[~counts].any()
    wanted = (windows.positions_BLK2 - scale.mean) / scale.spread
    torch.testing.assert_close(found[counts], wanted[counts])
