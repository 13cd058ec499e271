import torch
from vector_quantize_pytorch import VectorQuantize

from kinetrace.tokens.model.codebook import Codebook, totals
from kinetrace.tokens.model.search import nearest
from tests.tokens.model.quantizers import books, draw, normal, params, started

SEED = torch.tensor(1)


def codebook(codes: int = 16, dim: int = 8, revive: float = 0.0) -> Codebook:
    return Codebook(dim, codes, params(revive=revive), draw(0))


def follow(book: Codebook, rows: torch.Tensor, seed: int = 1) -> torch.Tensor:
    codes = nearest(rows, book.codes_KD)
    book.update(rows, codes, torch.tensor(seed))
    return codes


def test_totals_count_and_sum_the_rows_of_each_code():
    rows, codes = normal(1, 100), torch.randint(0, 7, (100,), generator=draw(2))
    hits, sums = totals(rows, codes, 9)
    one_hot = torch.nn.functional.one_hot(codes, 9).float()
    assert torch.equal(hits, one_hot.sum(0))
    torch.testing.assert_close(sums, one_hot.T @ rows)


def test_the_averages_are_those_of_counts_and_sums():
    book = codebook()
    counts, sums = torch.full((16,), 512 / 16), book.codes_KD * 512 / 16
    for step in range(50):
        rows = normal(step) + step / 50
        hits, added = totals(rows, follow(book, rows, step), 16)
        counts, sums = counts * 0.99 + hits * 0.01, sums * 0.99 + added * 0.01
        torch.testing.assert_close(book.hits_K, counts)
        torch.testing.assert_close(book.codes_KD, sums / counts[:, None], rtol=1e-4, atol=1e-5)


def test_they_agree_with_vector_quantize_pytorch_from_a_consistent_state():
    book = codebook()
    peer = VectorQuantize(dim=8, codebook_size=16, decay=0.99, eps=1e-9).train()
    inner = peer._codebook
    inner.cluster_size.fill_(512 / 16)
    inner.embed.copy_(book.codes_KD[None])
    inner.embed_avg.copy_(book.codes_KD[None] * 512 / 16)
    for step in range(20):
        rows = normal(step)
        codes = follow(book, rows)
        assert torch.equal(peer(rows[None])[1][0], codes)
        torch.testing.assert_close(inner.embed[0], book.codes_KD, rtol=1e-4, atol=1e-5)


def test_unused_codes_do_not_explode():
    """A count that decays while its sum does not makes rarely chosen codes grow without end."""
    book = codebook(dim=2)
    book.codes_KD[8:] += 50
    before = book.codes_KD[8:].clone()
    for step in range(3000):
        follow(book, normal(step % 7, 64, 2))
    assert torch.equal(book.codes_KD[8:], before)
    book.hits_K[8:] = 0  # as after so many steps that the count is lost
    follow(book, before[:4] + 1)
    assert book.codes_KD.isfinite().all() and book.codes_KD.norm(dim=1).max() < 80


def test_a_code_stays_within_the_rows_that_chose_it():
    book = codebook()
    for step in range(500):
        follow(book, normal(step, 64))
    assert book.codes_KD.norm(dim=1).max() <= max(normal(step, 64).norm(dim=1).max() for step in range(500))


def test_a_dead_code_moves_to_a_row_of_the_most_crowded_code():
    book = codebook(4, 2, revive=0.1)
    book.codes_KD.copy_(torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [90.0, 90.0]]))
    book.hits_K.copy_(torch.tensor([60.0, 20.0, 20.0, 0.0]))
    spots = torch.tensor([0] * 60 + [1] * 20 + [2] * 20)
    rows = book.codes_KD[spots] + normal(1, 100, 2)
    codes = follow(book, rows)
    assert (rows[codes == 0] == book.codes_KD[3]).all(1).any()
    torch.testing.assert_close(book.hits_K, torch.tensor([30.0, 20.0, 20.0, 25.0]))


def test_a_rare_code_is_dead_below_the_share_and_alive_above():
    for hits, moved in ((2.4, True), (2.6, False)):
        book = codebook(4, 2, revive=0.1)
        book.codes_KD.copy_(torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0], [90.0, 90.0]]))
        book.hits_K.copy_(torch.tensor([34.0, 33.0, 33.0, hits]))
        follow(book, book.codes_KD[torch.arange(100) % 3] + normal(1, 100, 2))
        assert bool((book.codes_KD[3] < 50).all()) is moved


def test_revival_is_off_at_zero():
    book = codebook(revive=0.0)
    book.codes_KD[3] = 90
    for step in range(1000):
        follow(book, normal(step % 5, 64))
    assert (book.codes_KD[3] == 90).all() and book.hits_K[3] < 0.01


def test_revival_takes_rows_of_the_level_itself():
    """Rows that come from level 0 at every level lie far from all that a later level sees."""
    quantizer = started(usage=False)
    rows = normal(1) * 5 + 20
    quantizer.start(rows, seed=3)
    for book in books(quantizer):
        book.hits_K.fill_(16)
        book.hits_K[7] = 0
        book.codes_KD[7] = 1e3
    tables = [book.codes_KD.clone() for book in books(quantizer)]
    codes = quantizer(rows).codes
    left = rows
    for level, book in enumerate(books(quantizer)):
        assert (left == book.codes_KD[7]).all(1).any()
        left = left - tables[level][codes[:, level]]


def test_no_row_is_worth_moving_to_when_every_row_is_a_code():
    book = codebook(4, 2, revive=0.1)
    book.codes_KD.copy_(torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [5.0, 5.0]]))
    before = book.codes_KD.clone()
    for _ in range(400):
        follow(book, before[torch.arange(30) % 3])
    assert torch.equal(book.codes_KD, before)


def test_codes_that_one_row_cannot_feed_come_back_over_the_steps():
    book = codebook(64, 8, revive=0.1)
    book.codes_KD.copy_(normal(3, 1).expand(64, 8))  # all alike: the first takes every row
    for step in range(300):
        follow(book, normal(step), step)
    assert len(nearest(normal(9, 4096), book.codes_KD).unique()) == 64


def test_an_empty_batch_changes_nothing():
    book = codebook(revive=0.1)
    follow(book, normal(1))
    before = book.codes_KD.clone()
    follow(book, normal(1)[:0])
    assert torch.equal(book.codes_KD, before)
