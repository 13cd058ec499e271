from itertools import groupby
from math import floor, lgamma, log, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.metrics.bitrate import adaptive_bits, presence_bits, raw_bits, rle_bits, static_bits, token_count
from kinetrace.metrics.codebook import entropy, hits
from tests.metrics.test_codebook import clips

SEEDS = st.integers(0, 10**6)


def sequential(found, codes, smoothing):
    """Bits of each clip under counts kept in a list a level, one code after another."""
    counts = [[0] * codes for _ in range(found[0].shape[1])]
    bits = []
    for clip in found:
        bits.append(0.0)
        for row in clip.tolist():
            for level, code in enumerate(row):
                if code >= 0:
                    share = (counts[level][code] + smoothing) / (sum(counts[level]) + smoothing * codes)
                    bits[-1] -= log2(share)
                    counts[level][code] += 1
    return bits


def test_raw_bits_are_levels_times_log2_k_a_present_chunk():
    found = [np.array([[0, 1, 2], [-1, -1, -1], [3, 4, 5]]), np.zeros((0, 3), int)]
    assert token_count(found).tolist() == [6, 0]
    assert raw_bits(found, 1024).tolist() == [60, 0]


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_runs_against_a_loop(seed):
    found = clips(seed, codes=2)
    for clip, bits in zip(found, rle_bits(found, 8), strict=True):
        lengths = [len(list(group)) for value, group in groupby(clip.tolist()) if min(value) >= 0]
        assert bits == pytest.approx(sum(2 * 3 + 2 * floor(log2(length)) + 1 for length in lengths))


def test_runs_pay_when_motion_stands_still_and_cost_when_it_does_not():
    still, busy = [np.zeros((64, 3), int)], [np.arange(192).reshape(64, 3)]
    assert rle_bits(still, 1024).tolist() == [30 + 13]
    assert rle_bits(busy, 1024).tolist() == [64 * 31]
    assert raw_bits(still, 1024).tolist() == raw_bits(busy, 1024).tolist() == [64 * 30]


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from([0.5, 1.0, 0.1]))
def test_the_adaptive_code_against_a_loop(seed, smoothing):
    found = clips(seed)
    np.testing.assert_allclose(adaptive_bits(found, 5, smoothing), sequential(found, 5, smoothing), atol=1e-9)


def test_its_sum_is_the_closed_form_of_krichevsky_and_trofimov():
    found = clips(3, count=40, codes=5)
    bits = 0.0
    for counts in hits(found, 5).tolist():
        total = sum(counts)
        bits += lgamma(total + 2.5) - lgamma(2.5) - sum(lgamma(n + 0.5) - lgamma(0.5) for n in counts)
    assert adaptive_bits(found, 5).sum() == pytest.approx(bits / log(2))
    assert adaptive_bits(found[::-1], 5).sum() == pytest.approx(bits / log(2))  # in any order


def test_a_decoder_can_follow_the_adaptive_code():
    """Before each code the shares of all K sum to 1 and depend on the past alone (Kraft's inequality)."""
    past = [np.array([[0], [2], [2]])]
    before = adaptive_bits(past, 4).sum()
    shares = [2 ** (before - adaptive_bits([np.vstack([past[0], [[code]]])], 4).sum()) for code in range(4)]
    assert sum(shares) == pytest.approx(1)
    assert shares[2] == max(shares)


def test_the_adaptive_code_comes_near_the_entropy_and_never_below_it():
    found = [np.random.default_rng(0).choice(4, size=(20_000, 1), p=[0.7, 0.1, 0.1, 0.1])]
    floor_bits = 20_000 * entropy(hits(found, 4))[0]
    assert floor_bits < adaptive_bits(found, 4).sum() < floor_bits + 1.5 * np.log2(20_000) + 4


def test_learning_a_table_that_is_too_large_costs_more_than_raw():
    found = [np.random.default_rng(0).integers(0, 1024, size=(100, 3))]
    assert adaptive_bits(found, 1024).sum() > 0.99 * raw_bits(found, 1024).sum()


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_the_static_code_against_a_loop(seed):
    found, table = clips(seed), hits(clips(seed + 1, count=20), 5)
    share = (table + 0.5) / (table.sum(axis=1, keepdims=True) + 2.5)
    expected = [
        sum(-log2(share[level, code]) for row in clip.tolist() for level, code in enumerate(row) if code >= 0)
        for clip in found
    ]
    np.testing.assert_allclose(static_bits(found, table), expected, atol=1e-9)


def test_a_table_of_nothing_is_the_raw_code():
    found = clips(1, codes=8)
    np.testing.assert_allclose(static_bits(found, np.zeros((2, 8), int)), raw_bits(found, 8))


def test_presence_is_a_code_of_its_own():
    found = [np.array([[3, 4], [-1, -1], [-1, -1]]), np.array([[0, 0]])]
    assert presence_bits(found).sum() == pytest.approx(-log2(1 / 2 * (0.5 / 2) * (1.5 / 3) * (1.5 / 4)))


@pytest.mark.parametrize("codes", [1, 8])
def test_nothing_present_costs_nothing(codes):
    found = [np.full((4, 2), -1), np.zeros((0, 2), int)]
    table = np.ones((2, 8), int)
    for bits in (
        raw_bits(found, codes),
        rle_bits(found, codes),
        adaptive_bits(found, codes),
        static_bits(found, table),
    ):
        assert bits.tolist() == [0, 0]
