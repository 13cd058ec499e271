from itertools import product
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.tokens.model.encoders import ENCODERS, POOLINGS, AttentionPool, MaxPool, MeanPool
from kinetrace.tokens.params import ModelParams
from tests.tokens.settings import params

CHANNELS = {"face": 6, "body": 4}
EVERY = [("mlp", "mean"), *product(["transformer"], POOLINGS)]
every = pytest.mark.parametrize("name, pooling", EVERY)


def made(name: str, pooling: str = "mean", **changes):
    chosen = params(model__encoder=name, model__pooling=pooling, model__depth=2, **changes).model
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder, decoder = ENCODERS[name]
        return encoder(CHANNELS, chosen).eval(), decoder(CHANNELS, chosen).eval()


def batch(lengths, channels=6, length=10, seed=0):
    x = torch.randn(len(lengths), length, channels, generator=torch.Generator().manual_seed(seed))
    return x, torch.arange(length) < torch.tensor(lengths)[:, None]


def test_the_names_are_those_of_the_parameters():
    assert set(get_args(ModelParams.model_fields["encoder"].annotation)) == set(ENCODERS)
    assert set(get_args(ModelParams.model_fields["pooling"].annotation)) == set(POOLINGS)


@every
@given(st.lists(st.integers(1, 10), min_size=1, max_size=5), st.sampled_from([0.0, 1.0, -1e3]))
@settings(deadline=None, max_examples=10)
@torch.inference_mode()
def test_padding_and_the_other_rows_decide_nothing(name, pooling, lengths, filling):
    encoder, _ = made(name, pooling)
    x, mask = batch(lengths)
    latent = encoder("face", x, mask)
    torch.testing.assert_close(
        encoder("face", torch.where(mask[..., None], x, filling), mask), latent, atol=1e-5, rtol=0
    )
    for row in range(len(lengths)):
        alone = encoder("face", x[row : row + 1], mask[row : row + 1])
        torch.testing.assert_close(alone[0], latent[row], atol=1e-5, rtol=0)


@every
@torch.inference_mode()
def test_order_part_and_length_matter(name, pooling):
    encoder, _ = made(name, pooling)
    x, mask = batch([10, 10])
    latent = encoder("face", x, mask)
    assert (encoder("face", x.flip(1), mask) - latent).abs().max() > 1e-3
    shorter = encoder("face", x, batch([9, 9])[1])
    assert (shorter - latent).abs().max() > 1e-3
    twins, _ = made(name, pooling)
    twins.stems["body"], seen = twins.stems["face"], twins("face", x, mask)
    assert (twins("body", x, mask) - seen).abs().max() > 1e-4, "the embedding of the part is not used"


@every
def test_every_weight_that_a_part_uses_gets_a_finite_gradient(name, pooling):
    encoder, decoder = made(name, pooling)
    frames = decoder("face", encoder("face", *batch([10, 3, 1])))
    frames.square().sum().backward()
    assert frames.shape == (3, 10, CHANNELS["face"])
    for module in (encoder, decoder):
        for weight_name, weight in module.named_parameters():
            used = ".body" not in f".{weight_name}"
            assert (weight.grad is not None) == used, weight_name
            assert not used or (torch.isfinite(weight.grad).all() and weight.grad.abs().max() > 0), weight_name


@every
def test_no_rows_give_no_rows_and_gradients_of_zero(name, pooling):
    encoder, decoder = made(name, pooling)
    frames = decoder("body", encoder("body", *batch([], channels=4)))
    assert frames.shape == (0, 10, 4)
    frames.sum().backward()
    assert not encoder.stems["body"].weight.grad.any()


def test_the_mean_is_over_a_chunks_own_frames():
    x, mask = batch([3, 10, 1], channels=4)
    found = MeanPool(4)(x, mask[..., None].float())
    for row, length in enumerate([3, 10, 1]):
        torch.testing.assert_close(found[row], x[row, :length].mean(0))


def test_the_maximum_is_over_a_chunks_own_frames_even_where_all_are_negative():
    x, mask = batch([3, 10, 1], channels=4)
    x = -x.abs() - 1
    found = MaxPool(4)(x, mask[..., None].float())
    for row, length in enumerate([3, 10, 1]):
        assert torch.equal(found[row], x[row, :length].amax(0))


def test_attention_is_a_softmax_over_a_chunks_own_frames():
    x, mask = batch([3, 10, 1], channels=4)
    pool = AttentionPool(4)
    found = pool(x, mask[..., None].float())
    for row, length in enumerate([3, 10, 1]):
        own = x[row, :length]
        torch.testing.assert_close(found[row], (pool.score(own).softmax(0) * own).sum(0))
    assert torch.equal(found[2], x[2, 0])


@pytest.mark.parametrize("name", ENCODERS)
@torch.inference_mode()
def test_a_decoder_gives_frames_that_differ_in_time_and_by_part(name):
    _, decoder = made(name)
    latent = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
    frames = decoder("face", latent)
    assert frames.shape == (2, 10, 6) and decoder("body", latent).shape == (2, 10, 4)
    assert frames.diff(dim=1).abs().amax((0, 2)).min() > 1e-4
    torch.testing.assert_close(decoder("face", latent[1:])[0], frames[1], atol=1e-6, rtol=0)
