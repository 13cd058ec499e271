import csv

import pytest
import torch
from accelerate.state import AcceleratorState

from kinetrace.errors import KinetraceError
from kinetrace.sign.model.network import LOG_SCALE_LIMIT
from kinetrace.sign.train.texts import Texts
from tests.sign.trained import prepared, trained, trainer


def nothing(step, values):
    pass


def weights(one):
    return one.checkpoint().model.state_dict()


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    one = trainer(tmp_path_factory.mktemp("resume"), train={"epochs": 3})
    return one.fit(nothing), weights(one)


def test_training_lowers_every_loss(undisturbed):
    history, _ = undisturbed
    assert [row["epoch"] for row in history] == [0, 1, 2]
    for name in ("bank", "generation", "loss"):
        assert history[-1][name] < history[0][name]


def test_a_killed_training_resumes_to_the_same_weights_and_history(tmp_path, undisturbed):
    class Killed(Exception):
        pass

    def kill(step, values):
        if step == 1:
            raise Killed

    with pytest.raises(Killed):
        trainer(tmp_path, train={"epochs": 3}).fit(kill)
    steps = []
    again = trainer(tmp_path, train={"epochs": 3})
    history = again.fit(lambda step, values: steps.append(step))
    assert steps == [1, 2]  # epoch 0 was kept; the one that was cut off is repeated
    assert history == undisturbed[0]
    assert same(weights(again), undisturbed[1])


def test_the_seed_decides_the_weights(tmp_path, undisturbed):
    other = trainer(tmp_path, train={"epochs": 3, "seed": 8})
    other.fit(nothing)
    assert not same(weights(other), undisturbed[1])


def test_training_leaves_torchs_generator_alone(tmp_path):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    trainer(tmp_path, train={"epochs": 1}).fit(nothing)
    assert torch.equal(torch.rand(1), expected)


def test_activation_checkpointing_changes_nothing(tmp_path):
    results = []
    for recompute in (False, True):
        sections = {"train": {"epochs": 1, "activation_checkpointing": recompute}, "model": {"dropout": 0.0}}
        one = trainer(tmp_path / str(recompute), **sections)
        one.fit(nothing)
        results.append(weights(one))
    for name, value in results[0].items():
        torch.testing.assert_close(results[1][name], value, atol=1e-5, rtol=1e-4)


def test_accumulation_takes_fewer_steps_and_resumes_exactly(tmp_path):
    section = {"epochs": 2, "accumulate": 2, "labels_per_batch": 2}
    whole = trainer(tmp_path / "whole", train=section)
    batches = len(whole._batches(0))
    assert batches % 2, "the last group of an epoch must be a smaller one for this test to see anything"
    history = whole.fit(nothing)
    assert whole.schedule.last_epoch == 2 * -(-batches // 2)
    assert history[-1]["learning_rate"] < 1e-9  # the schedule ended with the training

    def kill(step, values):
        if step == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path, train=section).fit(kill)
    again = trainer(tmp_path, train=section)
    assert again.fit(nothing) == history
    assert same(weights(again), weights(whole))


def test_accumulated_gradients_are_the_mean_over_the_group(tmp_path):
    one = trainer(tmp_path, model={"dropout": 0.0}, train={"clip_norm": 1e9})
    groups = [one._batch(indices, 0) for indices in one._batches(0)[:2]]
    one.objective.train()
    single = []
    for batch in groups:
        one.objective.zero_grad()
        one.objective(batch)["loss"].backward()
        single.append(one._model().text.weight.grad.clone())
    one.objective.zero_grad()
    one.optimizer.zero_grad = lambda: None
    one._step(groups, len(groups))
    torch.testing.assert_close(one._model().text.weight.grad, (single[0] + single[1]) / 2, atol=1e-6, rtol=1e-4)


LARGE = {"epochs": 3, "accumulate": 2, "labels_per_batch": 2}


@pytest.mark.parametrize("caching", [False, True])
def test_the_memory_of_past_clips_is_resumed_exactly(tmp_path, caching):
    sections = {"train": LARGE | {"epochs": 2, "gradient_caching": caching}, "loss": {"queue": 16}}

    def kill(step, values):
        if step == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer(tmp_path, **sections).fit(kill)
    again, whole = trainer(tmp_path, **sections), trainer(tmp_path / "whole", **sections)
    again.resume.load()
    assert (again.accelerator.unwrap_model(again.objective).queue.sentence_Q >= 0).all()
    assert again.fit(nothing) == whole.fit(nothing)
    assert same(weights(again), weights(whole))


def test_gradient_caching_learns_and_takes_a_step_a_group(tmp_path):
    one = trainer(tmp_path, train=LARGE | {"gradient_caching": True})
    history = one.fit(nothing)
    assert history[-1]["loss"] < history[0]["loss"]
    assert one.schedule.last_epoch == 3 * -(-len(one._batches(0)) // 2)
    assert history[-1]["learning_rate"] < 1e-9


@pytest.mark.parametrize("name", ["bank", "clip", "contrastive", "generation"])
@pytest.mark.parametrize("caching", [False, True])
def test_a_loss_of_weight_zero_is_not_in_the_history(tmp_path, name, caching):
    section = {"epochs": 1, "gradient_caching": caching}
    row = trainer(tmp_path, train=section, loss={name: 0.0}).fit(nothing)[0]
    assert {"bank", "clip", "contrastive", "generation", "loss"} - set(row) == {name}


def test_the_scale_never_stays_beyond_its_limit(tmp_path):
    one = trainer(tmp_path)
    one._model().log_scale.data.fill_(LOG_SCALE_LIMIT + 1)
    one._step([one._batch(one._batches(0)[0], 0)], 1)
    assert one._model().log_scale.item() == pytest.approx(LOG_SCALE_LIMIT)
    one._model().scale.backward()
    assert one._model().log_scale.grad > 0


def test_clips_stand_for_variations_of_their_sentence(tmp_path):
    one = trainer(tmp_path, train={"text_variations": 0.5})
    rows = [one._batch(indices, epoch).anchor_B for epoch in range(4) for indices in one._batches(epoch)]
    found, sentences = torch.cat(rows), len(one.sentences)
    single = [row for own in one.texts.wordings if len(own) > 1 for row in own]
    assert set(single) <= set(found.tolist())
    batch = one._batch(one._batches(0)[0], 0)
    assert torch.equal(*batch.anchor_B.chunk(2))  # both views of a clip say the same
    own = [batch.anchor_B[index] in one.texts.wordings[row] for index, row in enumerate(batch.sentence_B.tolist())]
    assert all(own)
    assert torch.equal(batch.text_BT, one.texts.tokens_AT[batch.anchor_B])
    assert one.checkpoint().bank_LE.shape[0] == sentences < len(one.texts.anchor_AE)


def test_variations_that_are_not_wanted_or_not_there_change_no_bit(tmp_path, undisturbed):
    one = trainer(tmp_path, train={"epochs": 3, "text_variations": 0.5})
    assert "text_variations" in one.train.shards.clips, "the twin must have the column for this test to see anything"
    plain = one.train.shards.clips.drop(columns="text_variations")
    texts = Texts.of(plain, one.params.model, varied=True)
    without = trainer(tmp_path, train={"epochs": 3})
    assert torch.equal(texts.anchor_AE, without.texts.anchor_AE) and texts.vocabulary == without.texts.vocabulary
    assert texts.wordings == without.texts.wordings == [[row] for row in range(len(texts.sentences))]
    one.fit(nothing)
    assert not same(weights(one), undisturbed[1])


@pytest.fixture
def another_precision():
    """Accelerate allows one precision a process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize("caching", [False, True])
def test_bf16_trains(tmp_path, another_precision, caching):
    section = {"epochs": 1, "precision": "bf16", "gradient_caching": caching}
    history = trainer(tmp_path, train=section, loss={"queue": 8}).fit(nothing)
    assert history[0]["loss"] > 0


@pytest.mark.parametrize("encoder", ["gru", "transformer"])
def test_the_other_encoders_train(tmp_path, encoder):
    history = trainer(tmp_path, train={"epochs": 4}, model={"encoder": encoder}).fit(nothing)
    assert history[-1]["loss"] < history[0]["loss"]


def test_a_loss_that_is_not_finite_stops_with_a_reason(tmp_path):
    with pytest.raises(KinetraceError, match=r"epoch \d+: .*not finite; lower train.learning_rate"):
        trainer(tmp_path, train={"epochs": 3, "learning_rate": 1e30, "warmup": 0.0, "clip_norm": 1e30}).fit(nothing)


def test_a_collapse_stops_with_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr("kinetrace.sign.train.trainer.WATCH_FROM", 0)
    one = trainer(tmp_path, train={"epochs": 1, "collapse_similarity": 0.0})
    with torch.no_grad():  # all texts and clips in one place
        for model in (one._averaged(), one._model()):
            model.text.weight.zero_()
            model.text.bias.fill_(1)
            model.head[-1].weight.zero_()
            model.head[-1].bias.fill_(1)
    monkeypatch.setattr(one, "_epoch", lambda epoch: {"loss": 1.0})
    with pytest.raises(KinetraceError, match=r"collapsed \(mean similarity to wrong sentences 1\.000, limit 0"):
        one.fit(nothing)


def test_run_writes_checkpoint_and_history_and_forgets_its_resume_state():
    job = trained()
    with job.folders.history.open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["epoch"]) for row in rows] == [0, 1]
    assert {"loss", "bank", "clip", "contrastive", "generation", "val_inst1", "val_neg_sim"} <= set(rows[0])
    assert sorted(path.name for path in job.folders.checkpoint.iterdir()) == ["config.json", "model.safetensors"]
    assert not job.folders.resume.exists()


def test_a_data_set_without_validation_clips_trains(tmp_path):
    one = trainer(tmp_path, train={"epochs": 1})
    one.val = type(one.val).of(one.val.shards.subset("none"), 64)
    assert "val_inst1" not in one.fit(nothing)[0]


def test_the_test_split_is_never_read(tmp_path, monkeypatch):
    from kinetrace.shards import Shards

    read = []
    frames = Shards.frames
    monkeypatch.setattr(Shards, "frames", lambda self, i: read.append(self.clips.clip_id[i]) or frames(self, i))
    trainer(tmp_path, train={"epochs": 1}).fit(nothing)
    clips = Shards.open(prepared().folders.shards).clips
    assert set(read) == set(clips.clip_id[clips.split != "test"])
