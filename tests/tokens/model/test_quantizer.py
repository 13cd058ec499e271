import pytest
import torch

from kinetrace.tokens.model.quantizer import ABSENT, ResidualQuantizer
from tests.tokens.model.quantizers import KINDS, books, draw, drifting, normal, params, started


@pytest.mark.parametrize("kind", KINDS)
def test_codes_decode_to_the_values(kind):
    quantizer = started(kind=kind)
    for seed in range(5):
        quantizer(normal(seed))
    quantizer.eval()
    rows = normal(9)
    found = quantizer(rows)
    assert found.codes.shape == (512, 3) and found.codes.dtype == torch.int64
    assert found.codes.min() >= 0 and found.codes.max() < 32
    assert torch.equal(found.codes, quantizer.encode(rows))
    torch.testing.assert_close(found.values, quantizer.decode(found.codes), rtol=0, atol=1e-6)
    assert (found.values - rows).square().mean() < 0.35


@pytest.mark.parametrize("kind", KINDS)
def test_encoding_and_evaluating_change_nothing(kind):
    quantizer = started(kind=kind).eval()
    before = {name: value.clone() for name, value in quantizer.state_dict().items()}
    quantizer(normal(0))
    quantizer.encode(normal(0))
    assert all(torch.equal(before[name], value) for name, value in quantizer.state_dict().items())


@pytest.mark.parametrize("kind", KINDS)
def test_each_level_refines(kind):
    quantizer = started(kind=kind).eval()
    rows = normal(4)
    codes = quantizer.encode(rows)
    errors = []
    for kept in (1, 2, 3):
        shorter = torch.where(torch.arange(3) < kept, codes, ABSENT)
        errors.append(float((quantizer.decode(shorter).detach() - rows).square().mean()))
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("kind", ("vq", "simvq"))
def test_commitment_has_a_gradient_at_every_level(kind):
    quantizer = started(kind=kind)
    for level in range(3):
        rows = normal(1).requires_grad_()
        quantizer(rows, dropped=torch.arange(3) != level).commitment.backward()
        assert rows.grad is not None and (rows.grad.norm(dim=1) > 0).float().mean() > 0.99


def test_commitment_is_the_mean_error_left_by_each_level():
    quantizer = started().eval()
    rows = normal(1)
    found = quantizer(rows)
    kept = [torch.where(torch.arange(3) <= level, found.codes, ABSENT) for level in range(3)]
    errors = [(rows - quantizer.decode(codes)).square().mean() for codes in kept]
    torch.testing.assert_close(found.commitment, torch.stack(errors).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_the_encoder_gets_a_gradient_through_the_values(kind):
    quantizer = started(kind=kind)
    rows = normal(1).requires_grad_()
    quantizer(rows).values.square().sum().backward()
    assert rows.grad is not None and rows.grad.isfinite().all() and (rows.grad.norm(dim=1) > 0).all()


def test_dropped_levels_have_no_code_add_nothing_and_learn_nothing():
    quantizer = started()
    before = books(quantizer)[1].codes_KD.clone()
    found = quantizer(normal(1), dropped=torch.tensor([False, True, True]))
    assert (found.codes[:, 1:] == ABSENT).all() and (found.codes[:, 0] >= 0).all()
    assert torch.equal(books(quantizer)[1].codes_KD, before) and not books(quantizer)[1].hits_K.any()
    quantizer = started().eval()
    found = quantizer(normal(1), dropped=torch.tensor([False, True, True]))
    torch.testing.assert_close(found.values, quantizer.decode(found.codes), rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_all_levels_dropped_is_refused(kind):
    with pytest.raises(ValueError, match="every level is dropped"):
        started(kind=kind)(normal(1), dropped=torch.ones(3, dtype=torch.bool))


def test_dropout_keeps_the_first_levels_and_depends_on_its_generator_alone():
    quantizer = started(dropout=0.5)
    drawn = [quantizer.drop(draw(seed)).tolist() for seed in range(400)]
    assert drawn == [quantizer.drop(draw(seed)).tolist() for seed in range(400)]
    assert all(flags == sorted(flags) and not flags[0] for flags in drawn)
    kept = torch.bincount(torch.tensor([3 - sum(flags) for flags in drawn]), minlength=4) / 400
    torch.testing.assert_close(kept, torch.tensor([0, 1 / 6, 1 / 6, 2 / 3]), rtol=0, atol=0.06)
    assert not started(dropout=0.0).drop(draw(0)).any()
    assert not quantizer.eval().drop(draw(0)).any()


def test_distances_stay_in_float32_under_autocast():
    rows = normal(1, 256)
    plain, mixed = started(), started()
    expected = plain(rows)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = mixed(rows)
        assert torch.equal(mixed.encode(rows), plain.encode(rows))
    assert torch.equal(found.codes, expected.codes) and torch.equal(found.values, expected.values)
    assert torch.equal(books(mixed)[0].codes_KD, books(plain)[0].codes_KD)


def test_values_have_the_type_of_the_input():
    quantizer = started()
    assert quantizer(normal(1).bfloat16()).values.dtype == torch.bfloat16
    assert all(book.codes_KD.dtype == torch.float32 for book in books(quantizer))


@pytest.mark.parametrize("kind", KINDS)
def test_a_restored_state_continues_to_the_bit(kind):
    def run(quantizer, steps):
        for step in steps:
            for book in books(quantizer):
                book.hits_K[:2] *= 0.0 if step % 4 == 3 else 1.0
            quantizer(drifting(step * 100, draw(step), 128), generator=draw(step))
        return quantizer

    whole = run(started(kind=kind, dropout=0.3), range(12))
    half = run(started(kind=kind, dropout=0.3), range(6))
    chosen = params(kind=kind, dropout=0.3)
    fresh = ResidualQuantizer(8, chosen.levels, 32, chosen)
    fresh.load_state_dict({name: value.clone() for name, value in half.state_dict().items()})
    resumed = run(fresh, range(6, 12)).state_dict()
    assert all(torch.equal(value, resumed[name]) for name, value in whole.state_dict().items())


def test_the_state_of_the_global_generator_does_not_matter():
    states = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        quantizer = started(dropout=0.5)
        for book in books(quantizer):
            book.hits_K[:2] = 0
        quantizer(normal(5), generator=draw(1))
        states.append(quantizer.state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_another_seed_is_another_start():
    first, second = started(), started()
    second.start(normal(99), seed=4)
    assert not torch.equal(books(first)[0].codes_KD, books(second)[0].codes_KD)


@pytest.fixture
def one_thread():
    """For many tiny steps, where threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_a_codebook_stays_alive_for_5000_steps():
    quantizer = started(usage=False)
    generator = draw(0)
    quantizer.start(drifting(0, generator, 1024), seed=3)
    quantizer(drifting(0, generator, 128))
    streaks, most, revived, largest = torch.zeros(3, 32), 0.0, 0, 0.0
    window, utilization = torch.zeros(3, 32), []
    for step in range(5000):
        rows = drifting(step, generator, 128)
        before = torch.stack([book.hits_K for book in books(quantizer)])
        codes = quantizer(rows).codes
        hits = torch.stack([torch.bincount(codes[:, level], minlength=32) for level in range(3)])
        window += hits
        if step % 250 == 249:
            utilization.append(float((window > 0).float().mean(1).min()))
            window.zero_()
        moved = torch.stack([book.hits_K for book in books(quantizer)]) > before * 0.99 + hits * 0.01 + 1e-3
        streaks = torch.where(moved, streaks + 1, torch.where(hits > 0, 0, streaks))
        most, revived = max(most, float(streaks.max())), revived + int(moved.sum())
        norms = [float(book.codes_KD.norm(dim=1).max()) for book in books(quantizer)]
        largest = max(largest, max(norms) / float(rows.norm(dim=1).max()))
    assert revived > 0, "the stream kills no code: the test would show nothing"
    assert most <= 2 and largest < 10
    assert min(utilization) >= 0.99
