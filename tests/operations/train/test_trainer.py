import csv
import math

import pytest
import torch
from accelerate.state import AcceleratorState

from kinetrace import loop
from kinetrace.errors import KinetraceError
from kinetrace.operations.model.checkpoint import Checkpoint
from kinetrace.operations.train import trainer as module
from kinetrace.operations.train.trainer import Trainer, rate, run
from kinetrace.shards import Shards
from kinetrace.workload import Job
from kinetrace.workspace import Workspace
from tests.operations.small import FAST, few, trained
from tests.operations.squares import LABELS, params


def trainer(folder, shards=None, **changes) -> Trainer:
    return Trainer(params(**FAST | changes), shards or few(), folder / "state.pt")


def nothing(epoch, row):
    pass


def weights(one):
    return one.checkpoint().model.state_dict()


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    one = trainer(tmp_path_factory.mktemp("whole"))
    return one.fit(nothing), weights(one)


def test_training_learns_from_every_loss():
    _, history = trained()
    assert set(history[0]) == {"epoch", "operation", "frame", "span", "next", "loss", "learning_rate",
                               "val_operation", "val_tiou", "val_next"}  # fmt: skip
    for name in ("operation", "frame", "span", "next"):
        assert history[-1][name] < 0.9 * history[0][name]
    for name in ("val_operation", "val_tiou", "val_next"):
        assert history[-1][name] > history[0][name]
    assert history[-1]["val_operation"] > 0.8 and history[-1]["val_tiou"] > 0.8


def test_the_same_training_gives_the_same_bits(tmp_path, undisturbed):
    again = trainer(tmp_path)
    assert again.fit(nothing) == undisturbed[0]
    assert same(weights(again), undisturbed[1])


def test_the_seed_decides_the_weights(tmp_path, undisturbed):
    other = trainer(tmp_path, train__seed=8)
    other.fit(nothing)
    assert not same(weights(other), undisturbed[1])


@pytest.mark.parametrize("after", [0, 1])
def test_a_training_resumes_after_any_epoch_to_the_same_bits(tmp_path, undisturbed, after):
    def kill(epoch, row):
        if epoch == after + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path).fit(kill)
    epochs = []
    again = trainer(tmp_path)
    history = again.fit(lambda epoch, row: epochs.append(epoch))
    assert epochs == list(range(after + 1, 3))
    assert history == undisturbed[0] and same(weights(again), undisturbed[1])


def test_training_leaves_torchs_generator_alone(tmp_path):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    trainer(tmp_path, train__epochs=1, model__tcn__dropout=0.5).fit(nothing)
    assert torch.equal(torch.rand(1), expected)


@pytest.fixture
def another_precision():
    """Accelerate allows one precision a process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def test_bf16_trains(tmp_path, another_precision):
    one = trainer(tmp_path, train__precision="bf16")
    history = one.fit(nothing)
    assert history[-1]["loss"] < history[0]["loss"]
    assert all(value.dtype != torch.bfloat16 for value in weights(one).values())


def test_accumulation_takes_fewer_steps(tmp_path):
    one, taken = trainer(tmp_path, train__accumulate=4, train__batch=5, train__epochs=2), []
    assert len(one.feed.plan(0)) % 4, "the last group must be a smaller one for this test to see anything"
    one.optimizer.optimizer.register_step_post_hook(lambda *_: taken.append(1))
    history = one.fit(nothing)
    assert len(taken) == sum(math.ceil(len(one.feed.plan(epoch)) / 4) for epoch in range(2))
    assert history[-1]["learning_rate"] < 1e-3


def test_a_loss_that_is_not_finite_stops_with_a_reason(tmp_path):
    one = trainer(tmp_path, train__learning_rate=1e30, train__clip_norm=1e30, train__warmup=0.0)
    with pytest.raises(KinetraceError, match=r"not finite; lower train.learning_rate"):
        one.fit(nothing)
    assert not (tmp_path / "state.pt").exists()


def test_no_training_clip_is_refused(tmp_path):
    none = Shards(few().folder, few().clips[few().clips.split != "train"])
    with pytest.raises(KinetraceError, match="holds no training clip"):
        trainer(tmp_path, none)


def test_a_data_set_without_validation_clips_trains(tmp_path):
    none = Shards(few().folder, few().clips[few().clips.split == "train"])
    history = trainer(tmp_path, none, train__epochs=1).fit(nothing)
    assert not any(name.startswith("val_") for name in history[0])


def test_the_test_split_is_never_read(tmp_path, monkeypatch):
    read, sample = set(), Shards.sample
    monkeypatch.setattr(Shards, "sample", lambda self, i: read.add(self.clips.clip_id[i]) or sample(self, i))
    trainer(tmp_path, train__epochs=1).fit(nothing)
    assert read == set(few().clips.clip_id[few().clips.split != "test"])


def test_the_rate_rises_in_a_line_and_falls_in_half_a_cosine():
    assert [round(rate(progress, 0.2), 3) for progress in (0, 0.1, 0.2, 0.6, 1)] == [0, 0.5, 1, 0.5, 0]
    assert rate(0.5, 1.0) == 0.5 and rate(1.0, 1.0) == 1.0


def test_run_writes_checkpoint_and_history_and_forgets_its_resume_state(tmp_path, monkeypatch):
    monkeypatch.setattr(module.training, "key", lambda job: "key")
    monkeypatch.setattr(Shards, "open", lambda folder: few())
    job = Job(None, Workspace(tmp_path).of("operations"), params(**FAST), tmp_path, 1)
    steps = []
    run(job, lambda epoch, row: steps.append(epoch))
    assert steps == [0, 1, 2]
    with job.folders.history.open() as stream:
        assert [float(row["epoch"]) for row in csv.DictReader(stream)] == [0, 1, 2]
    assert Checkpoint.load(job.folders.checkpoint).labels == LABELS
    assert not job.folders.resume.exists()


def test_the_size_is_what_is_learned(tmp_path):
    one = trainer(tmp_path)
    assert one.size() == sum(weight.numel() for weight in one.model.parameters() if weight.requires_grad) > 1000


def test_a_seed_for_each_epoch(tmp_path, monkeypatch):
    """Dropout of an epoch is the same whether the epochs before it ran in this process or not."""
    seeds, seeded = [], loop.seeded
    monkeypatch.setattr(loop, "seeded", lambda seed: seeds.append(seed) or seeded(seed))
    trainer(tmp_path, train__epochs=2).fit(nothing)
    assert len(set(seeds)) == len(seeds) == 3
