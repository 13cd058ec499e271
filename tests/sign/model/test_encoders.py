from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

from kinetrace.sign.model.encoders import (
    ENCODERS,
    DepthwiseBlock,
    GruBlock,
    reversed_in_time,
)
from kinetrace.sign.params import ModelParams
from tests.sign.models import clip, model, pad, params

MODELS = {name: model(encoder=name, depth=2) for name in ENCODERS}
every_encoder = pytest.mark.parametrize("name", ENCODERS)


def test_the_names_are_those_of_the_parameters():
    assert set(get_args(ModelParams.model_fields["encoder"].annotation)) == set(ENCODERS)


def alone(made, frames):
    embedding, tokens, mask = made(*pad([frames]))
    assert mask.all()
    return embedding[0], tokens[0]


@every_encoder
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(0, 30), st.sampled_from([0.0, 9.0]))
@settings(deadline=None, max_examples=15)
@torch.inference_mode()
def test_padded_equals_unpadded(name, lengths, extra, filling):
    made, clips = MODELS[name], [clip(length, seed=length) for length in lengths]
    embedding, tokens, mask = made(*pad(clips, extra, filling))
    for row, frames in enumerate(clips):
        own_embedding, own_tokens = alone(made, frames)
        torch.testing.assert_close(embedding[row], own_embedding, atol=1e-5, rtol=0)
        torch.testing.assert_close(tokens[row, : len(own_tokens)], own_tokens, atol=1e-5, rtol=0)
        assert mask[row].sum() == len(own_tokens) == -(-len(frames) // 4)
        assert not tokens[row, len(own_tokens) :].any()


@every_encoder
def test_the_order_of_frames_matters(name):
    forth, back = alone(MODELS[name], clip())[0], alone(MODELS[name], clip()[::-1].copy())[0]
    assert (forth - back).abs().max() > 1e-3


@every_encoder
def test_every_weight_gets_a_finite_gradient(name):
    made = model(encoder=name).train()
    embedding, tokens, _ = made(*pad([clip(20), clip(9, seed=1)]))
    (embedding[:, 0].sum() + tokens.square().sum()).backward()
    for place, weight in made.encoder.named_parameters():
        assert weight.grad is not None and weight.grad.isfinite().all() and weight.grad.any(), place


@every_encoder
def test_activation_checkpointing_changes_memory_and_not_the_result(name):
    results = []
    for recompute in (False, True):
        made = model(encoder=name, recompute=recompute, dropout=0.3).train()
        torch.manual_seed(3)
        embedding, _, _ = made(*pad([clip(20), clip(9, seed=1)]))
        embedding[:, 0].sum().backward()
        results.append([embedding.detach(), made.encoder.stem.weight.grad])
    torch.testing.assert_close(*results)


@every_encoder
def test_evaluation_is_deterministic(name):
    torch.testing.assert_close(alone(MODELS[name], clip()), alone(MODELS[name], clip()), atol=0, rtol=0)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_gru_block_is_a_packed_bidirectional_gru():
    block, lengths = GruBlock(8, 0.0).eval(), [5, 2, 1]
    reference = nn.GRU(8, 4, batch_first=True, bidirectional=True)
    halves = [getattr(half, f"{kind}_l0") for half in (block.ahead, block.back)
              for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]  # fmt: skip
    for weight, value in zip(reference._flat_weights, halves, strict=True):
        weight.data.copy_(value.data)
    x, mask = random(3, 5, 8), (torch.arange(5) < torch.tensor(lengths)[:, None]).float()[..., None]
    packed = nn.utils.rnn.pack_padded_sequence(block.norm(x), lengths, batch_first=True)
    states, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    torch.testing.assert_close(block(x, mask) * mask, (x + states) * mask)


def test_depthwise_block_sees_eight_frames_to_each_side_and_no_further():
    block, x = DepthwiseBlock(8, 0.0).eval(), random(1, 40, 8)
    changed = x.clone()
    changed[0, 20] = random(8, seed=1)
    differs = (block(changed, torch.ones(1, 40, 1)) - block(x, torch.ones(1, 40, 1))).abs().sum(-1)[0] > 1e-6
    assert differs.nonzero().flatten().tolist() == list(range(12, 29))


def test_reversed_in_time_leaves_the_padding_in_place():
    x, mask = torch.arange(8.0).view(2, 4, 1), torch.tensor([[1, 1, 1, 0], [1, 1, 1, 1]]).float()[..., None]
    assert reversed_in_time(x, mask)[..., 0].tolist() == [[2, 1, 0, 3], [7, 6, 5, 4]]


@pytest.mark.parametrize("width", [0, 2, 30])
def test_a_width_that_the_heads_cannot_share_is_refused(width):
    with pytest.raises(ValidationError, match="width"):
        params(width=width)
