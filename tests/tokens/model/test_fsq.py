import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.tokens.model.fsq import grid
from tests.tokens.model.quantizers import normal, started


def test_grids_of_the_paper():
    assert grid(512) == (8, 8, 8) and grid(1024) == (8, 5, 5, 5)


@given(st.integers(2, 70_000))
def test_a_grid_holds_most_of_the_codes_and_no_more(codes):
    sizes = grid(codes)
    assert codes / 2 < math.prod(sizes) <= codes
    assert min(sizes) >= (5 if codes >= 25 else 2)


@pytest.mark.parametrize("codes", (2, 3, 16, 240, 1024))
def test_every_code_decodes_and_is_found_again(codes):
    quantizer = started(kind="fsq", levels=1, codes=codes).eval().core
    every = torch.arange(math.prod(grid(codes)))[:, None]
    points = every[..., None] // quantizer.radix_G % quantizer.sizes_G - quantizer.sizes_G // 2
    assert torch.equal(quantizer._codes(points.float()), every)
    assert len(quantizer.decode(every).unique(dim=0)) == len(every)


def test_the_bound_reaches_both_ends_of_each_grid():
    quantizer = started(kind="fsq", levels=1, codes=240).core
    quantizer.into.weight.data.zero_()
    quantizer.into.bias.data.fill_(50)
    top = quantizer._bounded(normal(1)).round()
    quantizer.into.bias.data.fill_(-50)
    low = quantizer._bounded(normal(1)).round()
    assert torch.equal(top[0, 0] - low[0, 0] + 1, quantizer.sizes_G.float())


def test_the_start_uses_nearly_all_codes_of_every_group():
    quantizer = started(12, kind="fsq", codes=64).eval()
    codes = quantizer.encode(normal(1, 8192, 12))
    for level in range(3):
        share = torch.bincount(codes[:, level], minlength=64) / len(codes)
        assert (share > 0).float().mean() >= 0.99
        assert -(share * share.log()).sum() > math.log(0.8 * 64)


@pytest.mark.parametrize("rows", (1, 5))
def test_a_start_on_very_few_or_equal_rows_is_finite(rows):
    quantizer = started(kind="fsq")
    quantizer.start(torch.ones(rows, 8), seed=0)
    assert quantizer(normal(1)).values.isfinite().all()


def test_learning_reaches_both_maps():
    quantizer = started(kind="fsq")
    (quantizer(normal(1)).values - normal(1)).square().mean().backward()
    assert quantizer.core.into.weight.grad.norm() > 0 and quantizer.core.back.weight.grad.norm() > 0
