import pytest
import torch
from torch import nn

from kinetrace.layers import AttentionBlock, sinusoids


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_attention_block_is_torchs_pre_norm_layer():
    block = AttentionBlock(16, 0.0).eval()
    reference = nn.TransformerEncoderLayer(16, 4, 32, 0.0, nn.functional.silu, batch_first=True, norm_first=True).eval()
    pairs = [(reference.self_attn.out_proj, block.out), (reference.linear1, block.feed[0]),
             (reference.linear2, block.feed[2])]  # fmt: skip
    for theirs, ours in pairs:
        theirs.load_state_dict(ours.state_dict())
    reference.self_attn.in_proj_weight.data.copy_(block.query_key_value.weight.data)
    reference.self_attn.in_proj_bias.data.copy_(block.query_key_value.bias.data)
    x, mask = random(2, 6, 16), torch.tensor([[1] * 6, [1] * 4 + [0] * 2]).float()[..., None]
    padding = torch.where(mask[..., 0] > 0, 0.0, -torch.inf)  # a float mask keeps torch off its nested fast path
    with torch.enable_grad():
        expected = reference(x, src_key_padding_mask=padding)
    torch.testing.assert_close(block(x, mask) * mask, expected * mask, atol=1e-5, rtol=1e-5)


def test_what_the_mask_hides_decides_nothing():
    block, x = AttentionBlock(8).eval(), random(2, 5, 8)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).float()[..., None]
    changed = torch.where(mask > 0, x, 100 * random(2, 5, 8, seed=1))
    torch.testing.assert_close(block(changed, mask) * mask, block(x, mask) * mask)
    assert not torch.allclose(block(changed, torch.ones_like(mask)), block(x, torch.ones_like(mask)))


def test_sinusoids_of_vaswani():
    found = sinusoids(torch.zeros(1, 7, 6))
    for place in range(7):
        for pair in range(3):
            angle = torch.tensor(place / 10000 ** (2 * pair / 6))
            assert found[place, pair] == pytest.approx(angle.sin().item(), abs=1e-5)
            assert found[place, 3 + pair] == pytest.approx(angle.cos().item(), abs=1e-5)
