import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.sign.data.landmarks import PARTS
from kinetrace.sign.params import PretrainParams
from kinetrace.sign.train.selfsupervised import OWNERS, Objective, Views, hide
from tests.sign import models
from tests.sign.models import clip, pad, points

NAMES = ["a", "b"]
POSE, LEFT, FACE = (list(PARTS).index(name) for name in ("pose", "left_hand", "face"))


def params(**changes):
    values = {
        "epochs": 2, "batch": 4, "learning_rate": 1e-3, "masked": 1.0, "dual": 1.0, "temperature": 0.1, "span": 4,
        "hidden": 0.4, "part_hidden": 0.3,
    }  # fmt: skip
    return PretrainParams.model_validate(values | changes)


def views(clips, hidden=None, extra=0):
    """Two views of each of half as many clips; ``hidden`` maps (row, frame, part) to True."""
    frames, lengths = pad(clips, extra)
    hidden_BTP = torch.zeros(*frames.shape[:2], len(PARTS), dtype=torch.bool)
    for place in hidden or ():
        hidden_BTP[place] = True
    return Views(frames, lengths, hidden_BTP)


def objective(**changes):
    model = models.model(dropout=0.0)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Objective(model, params(**changes)).eval()


CLIPS = [clip(21, 0), clip(12, 1), clip(20, 2), clip(13, 3)]
SPAN = [(row, frame, part) for row in range(4) for frame in range(4, 9) for part in range(len(PARTS))]
HAND = [(0, frame, LEFT) for frame in range(3, 10)]


@pytest.mark.parametrize("hidden", [SPAN, HAND], ids=["span", "hand"])
def test_what_is_hidden_changes_neither_prediction_nor_embedding(hidden):
    one, made = objective(), views(CLIPS, hidden)
    told = {}
    one.model.encoder.register_forward_hook(lambda module, given, found: told.setdefault("tokens", []).append(found[0]))
    one(made)
    hidden_BTF = made.hidden_BTP[..., OWNERS]
    other = made.frames_BTF + hidden_BTF * torch.rand_like(made.frames_BTF)
    assert not torch.equal(other, made.frames_BTF)
    one(Views(other, made.lengths_B, made.hidden_BTP))
    assert torch.equal(*told["tokens"])


@pytest.mark.parametrize("hidden", [SPAN, HAND], ids=["span", "hand"])
def test_the_prediction_has_no_gradient_at_what_is_hidden_and_one_at_what_is_left(hidden):
    one, made = objective(), views(CLIPS, hidden)
    made.frames_BTF.requires_grad_()
    given = []
    one.head.register_forward_hook(lambda module, inputs, found: given.append(found))
    one(made)
    given[0].square().sum().backward()
    hidden_BTF = made.hidden_BTP[..., OWNERS]
    assert (made.frames_BTF.grad[hidden_BTF] == 0).all()
    assert (made.frames_BTF.grad[~hidden_BTF] != 0).any()


def test_only_what_was_hidden_and_observed_is_asked_for():
    one = objective()
    with torch.no_grad():
        one.head.weight.zero_()
        one.head.bias.zero_()
    assert one(views(CLIPS))["masked"] == 0  # nothing hidden, nothing asked
    unseen = [clip(12, 1, missing=["left_hand"])] * 2
    assert one(views(unseen, [(row, frame, LEFT) for row in (0, 1) for frame in range(12)]))["masked"] == 0
    [hand] = [clip(12, 1)]
    assert one(views([hand, hand], [(0, 5, LEFT)]))["masked"] > 0


def test_the_loss_is_that_of_the_places_written_out():
    """Smooth L1 of a constant prediction of zero: half the square under 1, the value less a half above."""
    one = objective()
    with torch.no_grad():
        one.head.weight.zero_()
        one.head.bias.zero_()
    frames = clip(12, 1)
    made = views([frames, frames], [(0, 5, LEFT)])
    shoulders = points(frames, "pose")[:, [11, 12]].astype(np.float64)
    unit = np.linalg.norm((shoulders[:, 0] - shoulders[:, 1])[:, :2], axis=-1).mean()
    hand = (points(frames, "left_hand")[5] - shoulders[5].mean(0)) / unit
    frontend = one.model.frontend
    mean, deviation = frontend.left_hand_mean.numpy(), float(frontend.left_hand_deviation)
    places = np.concatenate([(hand[:, :2].ravel() - mean) / deviation, 3 * (hand - hand[0]).ravel()])
    expected = np.where(np.abs(places) < 1, places**2 / 2, np.abs(places) - 0.5).mean()
    assert one(made)["masked"].item() == pytest.approx(expected, rel=1e-4)


def test_a_padded_batch_gives_the_losses_of_an_unpadded_one():
    one = objective()
    plain, padded = one(views(CLIPS, SPAN)), one(views(CLIPS, SPAN, extra=9))
    for name, value in plain.items():
        torch.testing.assert_close(padded[name], value, atol=1e-5, rtol=1e-5)


def test_each_token_predicts_its_own_two_frames():
    """A head that copies is right about frame 2n and 2n + 1 of token n, also where the last token has one frame."""
    one, made = (
        objective(dual=0.0),
        views([clip(7, 1)] * 2, [(row, frame, FACE) for row in (0, 1) for frame in range(7)]),
    )
    frontend = one.model.frontend
    mask = torch.ones(2, 7, dtype=torch.bool)
    places, _ = frontend.places(frontend(made.frames_BTF, mask))
    padded = torch.nn.functional.pad(places, (0, 0, 0, 1))
    told = padded.unflatten(1, (4, 2)).flatten(2)
    one.head = torch.nn.Identity()
    one.model.encode = lambda frames, lengths: type("E", (), {"tokens_BNW": told, "embedding_BD": torch.ones(2, 2)})()
    assert one(made)["masked"] == 0


def test_views_that_agree_against_the_other_clips_have_a_lower_dual_loss():
    one = objective(hidden=0.0)
    same, other = [CLIPS[0], CLIPS[1]], [CLIPS[1], CLIPS[0]]
    assert one(views([*same, *same]))["dual"] < one(views([*same, *other]))["dual"]


def test_similarity_is_that_of_different_clips():
    one = objective()
    assert one(views([CLIPS[0]] * 2))["similarity"] == 0
    found = one.model.encode(*pad(CLIPS)).embedding_BD
    others = [(0, 1), (0, 3), (1, 2), (2, 3)]
    expected = sum((found[i] @ found[j]).item() for i, j in others) / len(others)
    assert float(one(views(CLIPS))["similarity"]) == pytest.approx(expected, abs=1e-5)


def test_every_module_that_is_kept_gets_a_gradient():
    from kinetrace.sign.train.pretrained import MODULES

    one = objective()
    one(views(CLIPS, SPAN))["loss"].backward()
    without = [name for name, weight in one.model.named_parameters() if weight.grad is None]
    assert without and not [name for name in without if name.partition(".")[0] in MODULES]


@given(seed=st.integers(0, 2**40), length=st.integers(1, 40), more=st.integers(0, 30))
def test_hiding_is_a_pure_function_of_the_clip_whatever_the_batch(seed, length, more):
    alone = hide(["a"], torch.tensor([length, length]), params(), seed, 3)
    beside = hide(["b", "a"], torch.tensor([length + more, length] * 2), params(), seed, 3)
    assert torch.equal(beside[[1, 3], :length], alone)
    assert not beside[[1, 3], length:].any()


def test_epoch_view_and_clip_draw_other_spans():
    lengths = torch.tensor([40] * 4)
    first, later = (hide(NAMES, lengths, params(), 0, epoch) for epoch in (0, 1))
    drawn = [*first, *later]
    assert all(not torch.equal(one, other) for i, one in enumerate(drawn) for other in drawn[:i])


def test_spans_have_their_length_and_share():
    many = [str(number) for number in range(400)]
    found = hide(many, torch.full((800,), 40), params(hidden=0.3, part_hidden=0.0), 0, 0).numpy()
    assert found.mean() == pytest.approx(0.3, abs=0.02)
    assert (found == found[..., :1]).all()
    starts = np.flatnonzero(np.diff(found[0, :, 0].astype(int)))
    assert len({start % 4 for start in starts}) <= 1  # spans of four frames from one offset


def test_the_pose_is_never_hidden_alone():
    found = hide(NAMES, torch.full((4,), 40), params(hidden=0.0, part_hidden=1.0), 0, 0)
    assert not found[..., POSE].any()
    assert found[..., [place for place in range(len(PARTS)) if place != POSE]].all()


def test_something_is_always_left():
    found = hide(NAMES, torch.tensor([40, 2, 40, 1]), params(hidden=1.0), 0, 0)
    assert not found.any()
