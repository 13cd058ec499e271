import pytest
import torch
from sklearn.cluster import KMeans

from kinetrace.tokens.model.kmeans import assign, centres, seeds
from tests.tokens.model.quantizers import draw, drifting, normal


def error(rows, found):
    return float(assign(rows, found)[1].mean())


def test_every_well_separated_cluster_gets_a_centre():
    spots = 100 * normal(1, 24)
    rows = spots.repeat(30, 1) + 0.1 * normal(2, 720)
    found = centres(rows, 24, 10, draw(0))
    assert torch.equal(assign(spots, found)[0].sort().values, torch.arange(24))
    torch.testing.assert_close(found[assign(spots, found)[0]], spots, rtol=0, atol=0.1)


def test_it_is_as_good_as_scikit_learn():
    rows = drifting(0, draw(1), 4000)
    peer = KMeans(64, n_init=1, max_iter=10, random_state=0).fit(rows.numpy())
    assert error(rows, centres(rows, 64, 10, draw(0))) < 1.05 * peer.inertia_ / len(rows)


def test_lloyd_improves_on_the_seeds():
    rows = drifting(0, draw(1), 4000)
    assert error(rows, centres(rows, 64, 10, draw(0))) < 0.9 * error(rows, seeds(rows, 64, draw(0)))


def test_seeds_find_what_is_rare_and_far():
    rows = torch.cat([0.1 * normal(1, 1000), 0.1 * normal(2, 5) + 50])
    for seed in range(20):
        assert error(rows, seeds(rows, 32, draw(seed))) < 1


def test_no_centre_is_left_without_rows():
    rows = drifting(0, draw(1), 2000)
    assert len(assign(rows, centres(rows, 128, 10, draw(0)))[0].unique()) == 128


@pytest.mark.parametrize("count", (1, 7, 12))
def test_fewer_different_rows_than_centres(count):
    rows = normal(1, count)
    found = centres(rows, 12, 3, draw(0))
    assert found.shape == (12, 8)
    torch.testing.assert_close(assign(rows, found)[1], torch.zeros(count), rtol=0, atol=1e-4)


def test_identical_rows():
    found = centres(torch.ones(50, 4), 8, 5, draw(0))
    assert torch.equal(found, torch.ones(8, 4))


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="no rows"):
        centres(torch.zeros(0, 4), 8, 5, draw(0))


def test_it_depends_on_the_generator_alone():
    rows = normal(1)
    assert torch.equal(centres(rows, 16, 4, draw(0)), centres(rows, 16, 4, draw(0)))
    assert not torch.equal(centres(rows, 16, 4, draw(0)), centres(rows, 16, 4, draw(1)))
