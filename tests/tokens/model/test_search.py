import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.tokens.model.search import nearest, search
from tests.tokens.model.quantizers import normal


def total(tables, codes):
    return torch.stack([table[codes[:, level]] for level, table in enumerate(tables)]).sum(0)


def free(tables):
    """No code has a handicap."""
    return [torch.zeros(len(table)) for table in tables]


def error(rows, tables, beam):
    return float((rows - total(tables, search(rows, tables, free(tables), beam))).square().mean())


def test_nearest_is_the_least_distance():
    rows, codes = normal(1), normal(2, 33)
    assert torch.equal(nearest(rows, codes), torch.cdist(rows.double(), codes.double()).argmin(1))


@given(st.integers(0, 1000), st.integers(2, 6), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_a_beam_that_holds_every_sum_finds_the_best(seed, size, levels):
    rows = normal(seed, 20, 4)
    tables = [normal(seed + level + 1, size, 4) / (level + 1) for level in range(levels)]
    every = torch.tensor(list(itertools.product(range(size), repeat=levels)))
    best = torch.cdist(rows, total(tables, every)).amin(1)
    found = (rows - total(tables, search(rows, tables, free(tables), size**levels))).norm(dim=1)
    torch.testing.assert_close(found, best, rtol=0, atol=1e-4)


@given(st.integers(0, 1000), st.integers(2, 6), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_handicaps_are_added_to_the_squared_distance_of_every_sum(seed, size, levels):
    rows = normal(seed, 20, 4)
    tables = [normal(seed + level + 1, size, 4) for level in range(levels)]
    handicaps = [normal(seed + level + 9, size, 1)[:, 0] for level in range(levels)]
    every = torch.tensor(list(itertools.product(range(size), repeat=levels)))

    def price(codes):
        return torch.stack([handicap[codes[:, level]] for level, handicap in enumerate(handicaps)]).sum(0)

    best = (torch.cdist(rows, total(tables, every)).square() + price(every)).amin(1)
    codes = search(rows, tables, handicaps, size**levels)
    found = (rows - total(tables, codes)).square().sum(1) + price(codes)
    torch.testing.assert_close(found, best, rtol=0, atol=1e-3)


def test_a_wider_beam_leaves_less():
    rows = normal(1, 2000)
    tables = [normal(level + 2, 32) / (level + 1) for level in range(3)]
    errors = [error(rows, tables, beam) for beam in (1, 2, 4, 8)]
    assert errors == sorted(errors, reverse=True) and errors[1] < 0.93 * errors[0]


@pytest.mark.parametrize("rows", (0, 1))
def test_few_rows(rows):
    tables = [normal(2, 5), normal(3, 5)]
    assert search(normal(1, rows), tables, free(tables), 2).shape == (rows, 2)


def test_a_row_gets_the_same_codes_alone_and_among_others():
    rows, tables = normal(1), [normal(2, 64), normal(3, 64)]
    together = search(rows, tables, free(tables), 2)
    assert all(
        torch.equal(search(rows[place][None], tables, free(tables), 2)[0], together[place]) for place in range(64)
    )
