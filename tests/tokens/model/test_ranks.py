"""Two gloo processes on two parts of a batch against one process on the whole batch."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from kinetrace.tokens.model import ranks
from tests.tokens.model.quantizers import books, draw, drifting, normal, started

STEPS, ROWS = 30, 192


def train(first: int, last: int) -> dict[str, torch.Tensor]:
    """The state after steps on the rows ``first`` to ``last`` of each batch; two steps revive three codes a level."""
    quantizer = started(dropout=0.4, usage=False)
    quantizer.start(normal(99) if ranks.first() else torch.zeros(7, 8), seed=3)
    for step in range(STEPS):
        if step in (8, 20):
            for book in books(quantizer):
                book.hits_K[step % 7 : step % 7 + 3] = 0
        quantizer(drifting(step * 20, draw(step), ROWS)[first:last], generator=draw(step))
    return quantizer.state_dict()


def refitted(rows: torch.Tensor) -> dict[str, torch.Tensor]:
    quantizer = started(revive=0.5)
    quantizer.refit(rows)
    return quantizer.state_dict()


def slope(first: int, last: int) -> torch.Tensor:
    rows = normal(1, ROWS)[first:last].requires_grad_()
    found = started()(rows)
    (found.usage + found.commitment).backward()
    assert rows.grad is not None
    return rows.grad


def worker(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    try:
        half = slice(rank * ROWS // 2, (rank + 1) * ROWS // 2)
        uneven, one_sided = ((0, 50), (50, ROWS))[rank], ((0, 0), (0, ROWS))[rank]
        found = {"even": train(half.start, half.stop), "uneven": train(*uneven), "one-sided": train(*one_sided)}
        found |= {"slope": slope(half.start, half.stop), "uneven slope": slope(*uneven)}
        found |= {"refit": refitted(normal(5, 300) if rank == 0 else torch.zeros(3, 8))}
        torch.save(found, f"{folder}/{rank}.pt")
    finally:
        dist.destroy_process_group()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    patch = pytest.MonkeyPatch()
    patch.setenv("GLOO_SOCKET_IFNAME", "lo")
    try:
        mp.spawn(worker, (str(folder),), nprocs=2)
    finally:
        patch.undo()
    return [torch.load(Path(folder) / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.parametrize("split", ("even", "uneven", "one-sided"))
def test_codebooks_are_the_same_on_both_ranks_and_as_if_there_were_one(pair, split):
    single = train(0, ROWS)
    for name, value in single.items():
        assert torch.equal(pair[0][split][name], pair[1][split][name]), name
        torch.testing.assert_close(pair[0][split][name], value, rtol=1e-5, atol=1e-5, msg=name)


def test_a_refit_is_that_of_the_first_rank_on_both(pair):
    single = refitted(normal(5, 300))
    moved = [name for name, value in started(revive=0.5).state_dict().items() if not torch.equal(value, single[name])]
    assert any(name.endswith("codes_KD") for name in moved)
    for name, value in single.items():
        assert torch.equal(pair[0]["refit"][name], pair[1]["refit"][name]), name
        torch.testing.assert_close(pair[0]["refit"][name], value, rtol=1e-5, atol=1e-5, msg=name)


def test_the_steps_include_revivals():
    """Without them the codebooks differ: the test above covers what moves dead codes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kinetrace.tokens.model.codebook.REVIVED", 0)
        still = train(0, ROWS)
    moving = train(0, ROWS)
    changed = [(still[name] - moving[name]).norm(dim=1).gt(0.1).sum() for name in still if name.endswith("codes_KD")]
    assert min(changed) >= 3


@pytest.mark.parametrize("name", ("slope", "uneven slope"))
def test_the_mean_gradient_of_the_losses_is_that_of_the_whole_batch(pair, name):
    both = torch.cat([found[name] for found in pair]) / 2
    torch.testing.assert_close(both, slope(0, ROWS), rtol=1e-3, atol=1e-7)


def test_alone_nothing_is_exchanged():
    value = torch.arange(3.0)
    assert ranks.first() and not ranks.active()
    assert ranks.total(value) is value and ranks.mean(value) is value
    assert torch.equal(ranks.gathered(value), value[None])
    assert ranks.span(5, torch.device("cpu")) == (0, 5)
