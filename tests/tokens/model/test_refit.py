import pytest
import torch
from torch import Tensor

from kinetrace.tokens.model.codebook import Codebook
from kinetrace.tokens.model.quantizer import ResidualQuantizer
from kinetrace.tokens.model.search import nearest
from tests.tokens.model.quantizers import KINDS, books, draw, drifting, normal, params, started


def clusters(rows: int = 2000) -> Tensor:
    """Forty clusters, some a thousand times as large as others."""
    return drifting(0, draw(3), rows)


def spread_badly(rows: Tensor, **changes) -> ResidualQuantizer:
    """Codes started on rows of one cluster alone: most have little to do."""
    chosen = params(**{"revive": 0.5} | changes)
    quantizer = ResidualQuantizer(8, chosen.levels, chosen.codes, chosen)
    quantizer.start(rows[:1] + 0.1 * normal(4, 200), seed=3)
    return quantizer.eval()


def error(quantizer: ResidualQuantizer, rows: Tensor) -> float:
    return (quantizer.decode(quantizer.encode(rows)) - rows).square().mean().item()


def hits(quantizer: ResidualQuantizer, rows: Tensor) -> Tensor:
    """``[Q, K]``"""
    return torch.stack([torch.bincount(codes, minlength=32) for codes in quantizer.encode(rows).unbind(1)]).float()


def perplexities(counts_QK: Tensor) -> Tensor:
    share = counts_QK / counts_QK.sum(1, keepdim=True)
    return (-torch.xlogy(share, share).sum(1)).exp()


def state(quantizer: ResidualQuantizer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in quantizer.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


DATA = {
    "clusters": clusters(), "normal": normal(7), "shifted": normal(8) * 3 + 20,
    "skewed": normal(9).exp(), "few": normal(1, 10), "alike": normal(1, 1).expand(50, 8),
    "still": torch.cat([normal(1, 1).expand(300, 8), normal(2, 200)]),
}  # fmt: skip


@pytest.mark.parametrize("beam", [1, 4])
@pytest.mark.parametrize("name", DATA)
def test_a_refit_never_raises_the_error(name, beam):
    rows = DATA[name]
    for quantizer in (started(revive=0.5, beam=beam), spread_badly(rows, beam=beam, revive=0.5)):
        before = error(quantizer, rows)
        quantizer.refit(rows)
        assert error(quantizer, rows) <= before + 1e-9
        assert all(value.isfinite().all() for value in quantizer.state_dict().values())


def test_every_code_is_used_and_more_evenly():
    rows = clusters()
    quantizer = spread_badly(rows)
    before = hits(quantizer, rows)
    quantizer.refit(rows)
    after = hits(quantizer, rows)
    assert (before == 0).any() and (after > 0).all()
    assert (perplexities(after) > perplexities(before) * 1.2).all()


def test_rows_that_are_all_alike_do_not_keep_others_from_being_split():
    """More than half of the rows are one point: the most crowded code has nothing to give."""
    chosen = params(levels=1, codes=8, revive=0.5)
    quantizer = ResidualQuantizer(8, 1, 8, chosen).eval()
    rows = DATA["still"]
    quantizer.start(rows[:1].expand(9, 8), seed=3)
    quantizer.refit(rows)
    assert len(quantizer.encode(rows).unique()) == 8


def test_without_revival_nothing_is_split():
    rows = clusters()
    quantizer = spread_badly(rows, revive=0.0)
    for book in books(quantizer):
        book.codes_KD[5] = 1e3
    quantizer.refit(rows)
    assert all((book.codes_KD[5] == 1e3).all() for book in books(quantizer))
    other = spread_badly(rows)
    books(other)[0].codes_KD[5] = 1e3
    other.refit(rows)
    assert books(other)[0].codes_KD.abs().max() < 20


def test_the_same_refit_gives_the_same_bits_and_the_seed_decides():
    rows, found = clusters(), []
    for seed in (3, 3, 4):
        quantizer = spread_badly(rows)
        quantizer.seed.fill_(seed)
        torch.manual_seed(len(found))
        quantizer.refit(rows)
        found.append(state(quantizer))
    assert same(found[0], found[1])
    assert not torch.equal(found[0]["core.levels.0.codes_KD"], found[2]["core.levels.0.codes_KD"])


def test_a_refit_leaves_torchs_generator_and_its_rows_alone():
    rows = clusters()
    before, expected = rows.clone(), torch.get_rng_state()
    started(revive=0.5).refit(rows)
    assert torch.equal(rows, before) and torch.equal(torch.get_rng_state(), expected)


def test_one_row_is_met_exactly():
    quantizer, row = started(revive=0.5), normal(1, 1) + 9
    quantizer.refit(row)
    torch.testing.assert_close(quantizer.decode(quantizer.encode(row)), row, rtol=0, atol=1e-4)


def test_no_row_changes_no_code():
    quantizer = started(revive=0.5)
    before = [book.codes_KD.clone() for book in books(quantizer)]
    quantizer.refit(normal(1)[:0])
    assert all(torch.equal(book.codes_KD, codes) for book, codes in zip(books(quantizer), before, strict=True))
    assert all(value.isfinite().all() for value in quantizer.state_dict().values())


def test_evenness_buys_perplexity_for_a_little_error():
    rows, found = drifting(0, draw(3), 3000), []
    for evenness in (0.0, 0.1):
        quantizer = started(revive=0.5, evenness=evenness).eval()
        quantizer.refit(rows)
        assert any(book.handicap_K.any() for book in books(quantizer)) == (evenness > 0)
        found.append((error(quantizer, rows), perplexities(hits(quantizer, rows)).mean().item()))
    assert 32 - found[1][1] < 0.75 * (32 - found[0][1]) and found[1][0] < 1.1 * found[0][0]
    quantizer.start(rows, seed=3)
    assert not any(book.handicap_K.any() for book in books(quantizer))


def test_a_refit_is_in_the_state():
    rows = clusters()
    quantizer, other = spread_badly(rows, evenness=0.3), started(revive=0.5).eval()
    quantizer.refit(rows)
    other.load_state_dict(quantizer.state_dict())
    assert torch.equal(other.encode(rows), quantizer.encode(rows))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "vq"])
def test_kinds_that_cannot_move_a_code_stay(kind):
    quantizer = started(kind=kind)
    before = state(quantizer)
    quantizer.refit(normal(5) + 3)
    assert same(state(quantizer), before)


def one_round(book: Codebook, rows: Tensor, split: bool) -> Tensor:
    codes = nearest(rows, book.codes_KD)
    book.refit(rows, codes, split, draw(0))
    return codes


def book_of(codes: Tensor, revive: float = 0.5) -> Codebook:
    book = Codebook(codes.shape[1], len(codes), params(revive=revive, evenness=0.1), draw(0))
    book.codes_KD.copy_(codes)
    return book


def test_a_round_puts_each_code_at_the_mean_of_its_rows():
    rows = normal(1)
    book = book_of(rows[:16] * 0.5)
    codes = one_round(book, rows, split=False)
    assert len(codes.unique()) > 8
    for code in codes.unique():
        torch.testing.assert_close(book.codes_KD[code], rows[codes == code].mean(0), rtol=1e-4, atol=1e-5)
        assert book.hits_K[code] == (codes == code).sum()


def test_a_round_of_splits_moves_one_code_in_sixteen_to_rows_of_the_most_crowded():
    centres = torch.cat([torch.eye(8) * 10, torch.full((24, 8), 90.0) + torch.arange(24.0)[:, None]])
    rows = centres[torch.tensor([0] * 100 + [1] * 80 + [2] * 5)] + normal(2, 185)
    book = book_of(centres)
    codes = one_round(book, rows, split=True)
    moved = (book.codes_KD[8:] != centres[8:]).any(1)
    assert moved.sum() == 2
    homes = [codes[(rows == code).all(1)].tolist() for code in book.codes_KD[8:][moved]]
    assert sorted(homes) == [[0], [1]]


def test_codes_that_have_enough_are_not_moved():
    centres = torch.eye(8) * 10
    rows = centres[torch.arange(80) % 8] + normal(2, 80) * 0.1
    quiet, split = book_of(centres), book_of(centres)
    one_round(quiet, rows, split=False)
    one_round(split, rows, split=True)
    assert torch.equal(quiet.codes_KD, split.codes_KD)
