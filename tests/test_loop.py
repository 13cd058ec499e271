from itertools import pairwise

import pytest
import torch
from accelerate import Accelerator
from torch import nn

from kinetrace import loop
from kinetrace.errors import KinetraceError

ROW = {"epoch": 3.0, "loss": 1.5}


def weighing(*values: float) -> nn.Module:
    made = nn.Linear(len(values), 1, bias=False)
    made.weight.data.copy_(torch.tensor([values]))
    return made


class Loss(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = weighing(1.0, 2.0)

    def forward(self, batch: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": self.inner(batch).square().mean()}


def test_seeded_gives_the_same_numbers_and_leaves_the_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    drawn = []
    for seed in (1, 1, 2):
        with loop.seeded(seed):
            drawn.append(torch.rand(3))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_seeded_restores_the_generator_after_an_error():
    before = torch.random.get_rng_state()
    with pytest.raises(RuntimeError, match="mid"), loop.seeded(1):
        torch.rand(1)
        raise RuntimeError("mid")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_seed_depends_on_every_part_and_its_place():
    parts = [(), (1,), (1, 2), (2, 1), (12,), (1, "face"), (1, "body"), ("1", "body")]
    seeds = [loop.hash_seed(*names) for names in parts]
    assert len(set(seeds)) == len(parts)
    assert all(0 <= seed < 2**60 for seed in seeds)
    assert loop.hash_seed(7, 0) == 0x263EF931BF2C895  # the weights of every training so far depend on it


@pytest.mark.parametrize("count, size, lengths", [(7, 3, [3, 3, 1]), (6, 3, [3, 3]), (2, 5, [2]), (0, 5, [])])
def test_groups_hold_every_item_once_in_order(count, size, lengths):
    groups = loop.grouped(range(count), size)
    assert [len(group) for group in groups] == lengths
    assert [item for group in groups for item in group] == list(range(count))


def test_only_matrices_are_decayed():
    model = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    optimizer = loop.adamw(model, learning_rate=0.1, weight_decay=0.5)
    optimizer.zero_grad()
    before = [weight.detach().clone() for weight in model.parameters()]
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()
    for old, new in zip(before, model.parameters(), strict=True):
        torch.testing.assert_close(new.detach(), old * (0.95 if old.ndim > 1 else 1.0))


def test_accumulated_gradients_are_those_of_the_mean():
    accelerator, batches = Accelerator(cpu=True), list(torch.randn(3, 4, 2))
    objective = Loss()
    rows = loop.accumulated(accelerator, objective, iter(batches), len(batches))
    whole = Loss()
    torch.stack([whole(batch)["loss"] for batch in batches]).mean().backward()
    torch.testing.assert_close(objective.inner.weight.grad, whole.inner.weight.grad)
    assert [row["loss"].item() for row in rows] == [Loss()(batch)["loss"].item() for batch in batches]
    assert not any(row["loss"].requires_grad for row in rows)


def test_batches_are_built_one_at_a_time():
    built = []

    def batches():
        for number in range(3):
            built.append(number)
            yield torch.ones(1, 2)

    seen = []
    objective = Loss()
    objective.register_forward_hook(lambda *_: seen.append(len(built)))
    loop.accumulated(Accelerator(cpu=True), objective, batches(), 3)
    assert seen == [1, 2, 3]


def test_means_over_the_steps():
    rows = [
        {"bank": torch.tensor(1.0), "loss": torch.tensor(2.0)},
        {"bank": torch.tensor(4.0), "loss": torch.tensor(2)},
    ]
    assert loop.means(Accelerator(cpu=True), rows) == {"bank": 2.5, "loss": 2.0}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_not_finite_stops_with_what_to_do(value):
    loop.refuse_broken(ROW, 0.1)
    said = (
        r"stopped in epoch 3: loss, usage is not finite; lower train.learning_rate \(now 0.1\) or set train.precision"
    )
    with pytest.raises(KinetraceError, match=said):
        loop.refuse_broken(ROW | {"loss": value, "usage": value}, 0.1)


def test_history_is_a_table_whose_numbers_read_back_exactly():
    found = loop.history_csv([{"epoch": 0.0, "loss": 0.1 + 0.2}, {"epoch": 1.0, "loss": 1e-17, "val": 2.0}])
    assert found.decode() == "epoch,loss,val\n0.0,0.30000000000000004,\n1.0,1e-17,2.0\n"


def steps(count: int, resume_at: int | None, path) -> tuple[torch.Tensor, list[dict[str, float]]]:
    """Weights and history after ``count`` steps, begun anew from the file after ``resume_at``."""

    def begin():
        with loop.seeded(0):
            model = nn.Linear(2, 1)
        optimizer = loop.adamw(model, 0.1, 0.1)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
        parts = {"model": model, "optimizer": optimizer, "schedule": schedule, "scaler": loop.scaler(accelerator)}
        return model, optimizer, schedule, loop.Resume(path, parts)

    accelerator = Accelerator(cpu=True)
    model, optimizer, schedule, resume = begin()
    history = resume.load()
    for step in range(count):
        if step == resume_at:
            model, optimizer, schedule, resume = begin()
            history = resume.load()
            assert len(history) == step
        loss = model(torch.tensor([[1.0, step]])).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        history.append({"loss": loss.item()})
        resume.save(history)
    return model.weight.detach(), history


@pytest.mark.parametrize("resume_at", [1, 3])
def test_a_resumed_training_is_the_uninterrupted_one(tmp_path, resume_at):
    weights, history = steps(5, None, tmp_path / "a.pt")
    again, history_again = steps(5, resume_at, tmp_path / "b.pt")
    assert torch.equal(weights, again) and history == history_again
    assert all(first != second for first, second in pairwise(history))


def test_without_a_file_the_history_is_empty_and_nothing_moves(tmp_path):
    model = nn.Linear(2, 1)
    before = model.weight.detach().clone()
    assert loop.Resume(tmp_path / "none.pt", {"model": model}).load() == []
    assert torch.equal(model.weight, before)


def test_a_state_that_holds_code_is_refused(tmp_path):
    torch.save({"model": print, "history": []}, tmp_path / "evil.pt")
    with pytest.raises(Exception, match="weights_only"):
        loop.Resume(tmp_path / "evil.pt", {}).load()


def test_giving_back_memory_harms_nothing():
    kept = torch.arange(1000)
    loop.give_back_memory()
    assert torch.equal(kept, torch.arange(1000))
