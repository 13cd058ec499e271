import math

import pytest
import torch

from kinetrace.sign.data.landmarks import LEFT_SHOULDER, PARTS, RIGHT_SHOULDER, columns
from kinetrace.sign.model.encoders import ENCODERS
from kinetrace.sign.model.frontend import frame_mask
from kinetrace.sign.model.network import MotionPool
from tests.sign.models import TEXT_WIDTH, clip, model, pad


def test_forward_sees_the_even_frames():
    made, frames = model(), clip(21)
    embedding, tokens, mask = made(*pad([frames]))
    encoded = made.encode(*pad([frames[::2].copy()]))
    torch.testing.assert_close(embedding, encoded.embedding_BD)
    torch.testing.assert_close(tokens, encoded.tokens_BNW)
    assert mask.tolist() == encoded.mask_BN.tolist() == [[True] * 6]


def hostile(kind: str):
    if kind == "two frames":
        return clip(2)
    frames = clip(12)
    if kind == "no pose":
        frames[:, PARTS["pose"]] = 0
    if kind == "nothing":
        frames[:] = 0
    if kind == "shoulders coincide":
        frames[:, columns("pose", LEFT_SHOULDER)] = frames[:, columns("pose", RIGHT_SHOULDER)]
    if kind == "no left hand":
        frames[:, PARTS["left_hand"]] = 0
    if kind == "pose in one frame":
        frames[1:, PARTS["pose"]] = 0
    return frames


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize(
    "kind", ["two frames", "no pose", "nothing", "shoulders coincide", "no left hand", "pose in one frame"]
)
@pytest.mark.parametrize("company", [[], [clip(16)]], ids=["alone", "beside another"])
def test_output_and_gradients_stay_finite(encoder, kind, company):
    made = model(encoder=encoder, dropout=0.0).train()
    embedding, tokens, mask = made(*pad([hostile(kind), *company]))
    (embedding[:, 0].sum() + tokens.square().sum()).backward()
    assert embedding.isfinite().all() and tokens.isfinite().all() and mask[:, 0].all()
    torch.testing.assert_close(embedding.norm(dim=-1), torch.ones(len(embedding)))
    gradients = [weight.grad for weight in made.parameters() if weight.grad is not None]
    assert gradients and all(gradient.isfinite().all() for gradient in gradients)


def test_parts_that_the_model_leaves_out_do_not_matter():
    made, frames = model(parts=["left_hand", "right_hand"]), clip()
    other = frames.copy()
    other[:, PARTS["face"]] = 0
    torch.testing.assert_close(made(*pad([frames])), made(*pad([other])))


def pooled(x, mask, energy, pool):
    """By a loop over the tokens inside the mask."""
    rows = []
    for row in range(len(x)):
        inside = [n for n in range(x.shape[1]) if mask[row, n]]
        logits = torch.stack([pool.score(x[row, n])[0] + pool.motion[0] * torch.log1p(energy[row, n]) for n in inside])
        rows.append(sum(weight * x[row, n] for weight, n in zip(logits.softmax(0), inside, strict=True)))
    return torch.stack(rows)


def test_pool_ignores_padding_and_looks_at_motion():
    generator = torch.Generator().manual_seed(0)
    pool, x = MotionPool(8), torch.randn(2, 5, 8, generator=generator)
    energy = torch.rand(2, 5, generator=generator)
    mask = torch.tensor([[True] * 5, [True] * 2 + [False] * 3])
    pool.motion.data.fill_(2.0)
    torch.testing.assert_close(pool(x, mask, energy), pooled(x, mask, energy, pool))
    x[1, 2:], energy[1, 2:] = 1e4, 1e4
    torch.testing.assert_close(pool(x, mask, energy), pooled(x, mask, energy, pool))


def test_the_pool_is_told_the_motion_at_the_frame_of_each_token():
    made, calls = model(), []
    made.pool.register_forward_pre_hook(lambda _, inputs: calls.append(inputs))
    frames, lengths = pad([clip(11), clip(6, seed=1)])
    made.encode(frames, lengths)
    steps = made.frontend(frames, frame_mask(lengths, 11))[..., made.frontend.steps]
    energy = [[steps[row, 2 * token].abs().mean().item() for token in range(6)] for row in range(2)]
    torch.testing.assert_close(calls[0][2], torch.tensor(energy))
    assert calls[0][2][1].tolist()[3:] == [0, 0, 0]


def test_a_fresh_pool_does_not_weigh_motion():
    pool, x = MotionPool(8), torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(1))
    mask = torch.ones(1, 4, dtype=torch.bool)
    torch.testing.assert_close(pool(x, mask, torch.rand(1, 4)), pool(x, mask, torch.zeros(1, 4)))


def test_the_scale_starts_at_1_over_007_and_ends_at_100():
    made = model()
    assert made.scale.item() == pytest.approx(1 / 0.07, rel=1e-5)
    made.log_scale.data.fill_(50.0)
    assert made.scale.item() == pytest.approx(100, rel=1e-5)
    made.log_scale.data.fill_(math.log(3))
    assert made.scale.item() == pytest.approx(3, rel=1e-5)


def test_texts_are_projected_onto_the_unit_sphere():
    texts = model().project_text(torch.randn(7, TEXT_WIDTH, generator=torch.Generator().manual_seed(2)))
    assert texts.shape == (7, 16)
    torch.testing.assert_close(texts.norm(dim=-1), torch.ones(7))
