from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from kinetrace.metrics.codebook import (
    change,
    conditional_entropy,
    entropy,
    hits,
    ngram_entropy,
    perplexity,
    repeats,
    sampling_ceiling,
    utilization,
)

LOOP = [np.array([[0, 5], [1, 5]] * 10), np.array([[1, 5]])]


def clips(seed=0, count=6, levels=2, codes=5):
    """Clips of 0 to 11 chunks, about a fifth of them absent."""
    generator = np.random.default_rng(seed)
    made = [generator.integers(0, codes, size=(generator.integers(0, 12), levels)) for _ in range(count)]
    for clip in made:
        clip[generator.random(len(clip)) < 0.2] = -1
    return made


def runs_of(clips, level, order):
    """Every run of ``order`` present codes of one level, by loops."""
    for clip in clips:
        for start in range(len(clip) - order + 1):
            rows = clip[start : start + order]
            if (rows >= 0).all():
                yield tuple(rows[:, level].tolist())


def test_hits_count_each_level_apart_and_no_absent_chunk():
    found = hits([np.array([[0, 2], [0, 1], [-1, -1]]), np.zeros((0, 2), int), np.array([[1, 2]])], 3)
    assert found.tolist() == [[2, 1, 0], [0, 1, 2]]


@pytest.mark.parametrize("bad", [[], [np.array([[0, 3]])]])
def test_hits_of_nothing_or_of_a_code_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=r"concatenate|code 3: expected 0 to 2"):
        hits(bad, 3)


def test_levels_are_not_merged():
    """A known fault: levels that use different halves of the codes look like one that uses all of them."""
    halves = np.stack([np.arange(100) % 4, 4 + np.arange(100) % 4], axis=1)
    assert utilization(hits([halves], 8)).tolist() == [0.5, 0.5]
    assert utilization(hits([halves.reshape(-1, 1)], 8)).tolist() == [1.0]  # what merging would say
    assert perplexity(hits([halves], 8)).tolist() == pytest.approx([4, 4])


def test_absent_chunks_use_no_code():
    assert utilization(hits([np.full((4, 2), -1)], 8)).tolist() == [0, 0]
    assert np.isnan(entropy(hits([np.full((4, 2), -1)], 8))).all()


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12).filter(any))
def test_entropy_is_scipys(counts):
    assert entropy(np.array(counts)) == pytest.approx(stats.entropy(counts, base=2), abs=1e-12)
    assert perplexity(np.array(counts)) == pytest.approx(2 ** stats.entropy(counts, base=2))


def test_a_uniform_codebook_has_perplexity_k_and_a_single_code_1():
    assert perplexity(np.array([[7] * 1024, [9] + [0] * 1023])).tolist() == pytest.approx([1024, 1])


@pytest.mark.parametrize(("samples", "codes"), [(50, 8), (100, 1024), (1024, 1024), (5000, 64), (8192, 1024), (1, 7)])
def test_the_ceiling_is_what_uniform_draws_give_on_average(samples, codes):
    drawn = np.random.default_rng(0).multinomial(samples, np.full(codes, 1 / codes), size=400)
    ceiling = sampling_ceiling(samples, codes)
    assert ceiling.utilization == pytest.approx(utilization(drawn).mean(), rel=0.005)
    assert ceiling.perplexity == pytest.approx(2 ** entropy(drawn).mean(), rel=0.005)
    assert ceiling.perplexity == pytest.approx(perplexity(drawn).mean(), rel=0.01)


@pytest.mark.parametrize(("samples", "codes"), [(1, 2), (10, 3), (700, 32), (100_000, 512), (100_000, 2), (4096, 4096)])
def test_the_ceiling_against_scipys_binomial(samples, codes):
    c = np.arange(1, samples + 1)
    bits = np.log2(samples) - codes / samples * (stats.binom.pmf(c, samples, 1 / codes) * c * np.log2(c)).sum()
    assert np.log2(sampling_ceiling(samples, codes).perplexity) == pytest.approx(bits, abs=1e-9)
    assert sampling_ceiling(samples, codes).utilization == pytest.approx(1 - (1 - 1 / codes) ** samples)


def test_the_ceiling_at_its_ends():
    assert sampling_ceiling(1, 1024).perplexity == pytest.approx(1)
    assert sampling_ceiling(1, 1024).utilization == pytest.approx(1 / 1024)
    assert sampling_ceiling(10**8, 1024).perplexity == pytest.approx(1024, rel=1e-4)
    assert sampling_ceiling(10**8, 1024).utilization == 1
    assert sampling_ceiling(10**12, 2).perplexity == pytest.approx(2, rel=1e-9)
    assert sampling_ceiling(5, 1) == sampling_ceiling(10**6, 1)
    with pytest.raises(ValueError, match="expected at least 1 each"):
        sampling_ceiling(0, 8)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_ngrams_against_loops(seed, order):
    found = clips(seed)
    for level, bits in enumerate(ngram_entropy(found, order)):
        counts = list(Counter(runs_of(found, level, order)).values())
        assert np.isnan(bits) if not counts else bits == pytest.approx(stats.entropy(counts, base=2), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_conditional_entropy_against_loops(seed, order):
    found = clips(seed, count=12)
    for level, bits in enumerate(conditional_entropy(found, order)):
        grams = list(runs_of(found, level, order))
        expected = 0.0
        for context, total in Counter(gram[:-1] for gram in grams).items():
            following = Counter(gram[-1] for gram in grams if gram[:-1] == context)
            expected += total / len(grams) * stats.entropy(list(following.values()), base=2)
        assert bits == pytest.approx(expected, abs=1e-9)


def test_what_the_code_before_tells():
    """0 1 0 1: one bit alone, none after the code before."""
    assert ngram_entropy(LOOP[:1], 1).tolist() == pytest.approx([1, 0])
    assert conditional_entropy(LOOP[:1], 1).tolist() == pytest.approx([1, 0])
    assert conditional_entropy(LOOP[:1], 2).tolist() == pytest.approx([0, 0], abs=1e-12)


def test_no_ngram_goes_across_clips_or_absence():
    apart = [np.array([[0], [1]]), np.array([[2], [-1], [3]])]
    assert ngram_entropy(apart, 2).tolist() == [0]  # 0 1 alone
    assert np.isnan(ngram_entropy(apart, 3)).all()
    assert np.isnan(conditional_entropy([np.zeros((0, 2), int)], 2)).tolist() == [True, True]
    with pytest.raises(ValueError, match="order 0: expected at least 1"):
        ngram_entropy(apart, 0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_repeats_against_loops(seed):
    found = clips(seed, codes=2)
    same, pairs = repeats(found)
    for clip, counts, total in zip(found, same.tolist(), pairs.tolist(), strict=True):
        both = [(a, b) for a, b in pairwise(clip.tolist()) if min(a) >= 0 and min(b) >= 0]
        assert total == len(both)
        assert counts == [sum(a[level] == b[level] for a, b in both) for level in range(2)]


def test_absence_that_lasts_is_no_repeat():
    same, pairs = repeats([np.full((5, 2), -1)])
    assert same.tolist() == [[0, 0]]
    assert pairs.tolist() == [0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_change_against_loops(seed):
    found = clips(seed)
    generator = np.random.default_rng(seed)
    vectors = [np.where(clip[:, :1] < 0, np.nan, generator.normal(size=(len(clip), 3))) for clip in found]
    sums, pairs = change(found, vectors)
    for clip, rows, total, number in zip(found, vectors, sums, pairs, strict=True):
        both = [(a, b) for i, (a, b) in enumerate(pairwise(rows)) if clip[i, 0] >= 0 and clip[i + 1, 0] >= 0]
        assert number == len(both)
        assert total == pytest.approx(sum(np.sqrt(((b - a) ** 2).sum()) for a, b in both))
