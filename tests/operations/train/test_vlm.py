import json

import numpy as np
import pytest
import torch

from kinetrace.errors import KinetraceError
from kinetrace.operations.model.vlm import adapters, inputs
from kinetrace.operations.model.vlm.generate import replies, score_continuations
from kinetrace.operations.model.vlm.vision import Features
from kinetrace.operations.params import TrainParams
from kinetrace.operations.train import vlm as training
from tests.operations import tiny_vlm

families = pytest.mark.parametrize("family", tiny_vlm.FAMILIES)
EXAMPLES = [tiny_vlm.example(place) for place in range(10)]


def settings(**changes):
    values = {
        "seed": 3, "epochs": 3, "batch": 2, "accumulate": 2, "learning_rate": 3e-3, "weight_decay": 0.01,
        "warmup": 0.1, "clip_norm": 1.0, "precision": "bf16", "activation_checkpointing": True, "checkpoint_steps": 2,
    }  # fmt: skip
    return TrainParams.model_validate(values | changes)


def nothing(epoch, row):
    pass


class Interrupted(list):
    """Examples of which the ``last``-th asked for after the start is never given."""

    def __init__(self, examples, last):
        super().__init__(examples)
        self.left = last

    def __getitem__(self, place):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().__getitem__(place)


def learner(family="qwen2_5_vl", **changes):
    return adapters.fresh(tiny_vlm.vlm(family, quantization="nf4", dropout=0.1, **changes), seed=1)


def fitted(vlm, folder, examples=EXAMPLES, log=nothing, val=(), **changes):
    features = Features(vlm, folder / "cache")
    return training.fit(vlm, settings(**changes), examples, features, folder / "state.pt", log, val)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The history and the adapters of a training in one go, by family."""
    found = {}
    for family in tiny_vlm.FAMILIES:
        vlm = learner(family)
        history = fitted(vlm, tmp_path_factory.mktemp(family), val=EXAMPLES[:3])
        found[family] = history, adapters.state(vlm)
    return found


@families
@pytest.mark.parametrize("asked", [5, 17, 23])
def test_a_training_cut_off_within_an_epoch_ends_with_the_same_bits(tmp_path, undisturbed, family, asked):
    """Three steps an epoch of four, four and two clips; the state is kept every second step, and after an epoch."""
    with pytest.raises(KeyboardInterrupt):
        fitted(learner(family), tmp_path, Interrupted(EXAMPLES, asked), val=EXAMPLES[:3])
    rows, vlm = [], learner(family)
    history = fitted(vlm, tmp_path, log=lambda epoch, row: rows.append(row), val=EXAMPLES[:3])
    assert (history, True) == (undisturbed[family][0], same(adapters.state(vlm), undisturbed[family][1]))
    assert rows == history[-len(rows) :] and len(rows) == {5: 3, 17: 2, 23: 1}[asked]


def test_a_training_that_is_cut_off_has_kept_what_it_did(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        fitted(learner(), tmp_path, Interrupted(EXAMPLES, 8))
    steps = torch.load(tmp_path / "state.pt", weights_only=True)["place"]["steps"]
    assert steps == 2  # eight clips: two steps of four


@families
def test_history_has_a_row_an_epoch_and_the_losses_fall(undisturbed, family):
    history, _ = undisturbed[family]
    assert [row["epoch"] for row in history] == [0, 1, 2]
    assert set(history[0]) == {"epoch", "loss", "learning_rate", "val_loss"}
    assert history[2]["loss"] < history[0]["loss"] and history[2]["val_loss"] < history[0]["val_loss"]


def test_a_complete_training_is_not_repeated(tmp_path):
    first = fitted(learner(), tmp_path, epochs=1)
    vlm = learner()
    assert fitted(vlm, tmp_path, log=lambda epoch, row: pytest.fail("trained again"), epochs=1) == first
    assert not same(adapters.state(vlm), adapters.state(learner()))


def test_memory_is_saved_without_changing_a_bit(tmp_path, undisturbed):
    vlm = learner()
    history = fitted(vlm, tmp_path, val=EXAMPLES[:3], activation_checkpointing=False)
    assert history == undisturbed["qwen2_5_vl"][0] and same(adapters.state(vlm), undisturbed["qwen2_5_vl"][1])


def test_four_batches_of_one_are_one_batch_of_four(tmp_path):
    """Answers of different lengths: each token weighs the same, whatever batch it is in."""
    examples = [tiny_vlm.example(place, answer="Yes" if place % 2 else None) for place in range(4)]
    found = {}
    for batch in (1, 4):
        vlm = adapters.fresh(tiny_vlm.vlm(), seed=1)
        fitted(vlm, tmp_path / str(batch), examples, epochs=1, batch=batch, accumulate=4 // batch)
        found[batch] = adapters.state(vlm)
    for name, weight in found[1].items():
        torch.testing.assert_close(weight, found[4][name], rtol=1e-3, atol=1e-4, msg=name)


def test_only_the_adapters_change(tmp_path):
    vlm = learner()
    before = {name: weight.clone() for name, weight in vlm.core.state_dict().items()}
    fitted(vlm, tmp_path, epochs=1)
    changed = {name for name, weight in vlm.core.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed and all(".lora_" in name for name in changed)
    assert not vlm.core.training and not vlm.core.is_activation_checkpointing


def test_training_leaves_torchs_generator_alone(tmp_path):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    fitted(learner(), tmp_path, EXAMPLES[:4], epochs=1)
    assert torch.equal(torch.rand(1), expected)


def test_the_order_of_clips_depends_on_seed_epoch_and_names_alone():
    names = [f"clip{place}" for place in range(50)]
    shown = [names[place] for place in training.order(names, 1, 2)]
    backwards = names[::-1]
    assert [backwards[place] for place in training.order(backwards, 1, 2)] == shown
    assert sorted(shown) == sorted(names) and shown != names
    assert training.order(names, 1, 3) != training.order(names, 1, 2) != training.order(names, 2, 2)


def test_the_learning_rate_warms_up_and_falls_to_nothing():
    rates = [training.rate(done, 0.25) for done in np.linspace(0, 1, 9)]
    assert rates[:3] == [0, 0.5, 1] and rates[-1] == pytest.approx(0)
    assert rates[2:] == sorted(rates[2:], reverse=True)


def test_the_loss_is_of_the_answers_tokens_alone():
    vlm = tiny_vlm.vlm()
    features, example = Features(vlm), tiny_vlm.example(0)
    one = inputs.lessons(vlm, [example])
    with torch.no_grad():
        direct = vlm.core(**one.inputs(), labels=one.labels_BL, pixel_values_videos=torch.from_numpy(
            vlm.family.patches(example.read(), vlm.params.pixels))).loss  # fmt: skip
        ours = training.loss(vlm, features, [example], "no") / one.answer_tokens
    assert ours.item() == pytest.approx(direct.item(), rel=2e-3)


def test_a_model_without_adapters_is_not_trained(tmp_path):
    with pytest.raises(KinetraceError, match="the model has no adapters"):
        fitted(tiny_vlm.vlm(), tmp_path)


def test_an_example_without_an_answer_is_refused(tmp_path):
    with pytest.raises(KinetraceError, match="has no answer tokens"):
        fitted(learner(), tmp_path, [tiny_vlm.example(0, answer="")])


def test_a_training_that_diverges_stops(tmp_path):
    vlm = learner()
    adapters.trained(vlm)[0].data[:] = float("nan")
    with pytest.raises(KinetraceError, match="training stopped in epoch 0: loss"):
        fitted(vlm, tmp_path)


@families
def test_thirty_two_clips_are_learnt_by_heart(tmp_path, family):
    """The whole path: NF4, LoRA, cached features, a training that is cut off, adapters on disk, and answers."""
    clips = [tiny_vlm.example(place) for place in range(32)]
    chosen = {
        "batch": 4, "accumulate": 1, "epochs": 30, "learning_rate": 1e-2, "weight_decay": 0.0,
        "activation_checkpointing": False,
    }  # fmt: skip
    size = {"rank": 16, "alpha": 32, "quantization": "nf4"}
    with pytest.raises(KeyboardInterrupt):
        fitted(adapters.fresh(tiny_vlm.vlm(family, **size), seed=1), tmp_path, Interrupted(clips, 300), **chosen)
    vlm = adapters.fresh(tiny_vlm.vlm(family, **size), seed=1)
    fitted(vlm, tmp_path, clips, **chosen)
    adapters.save_to(vlm, tmp_path / "adapters")
    answering = adapters.load(tiny_vlm.vlm(family, **size), tmp_path / "adapters")
    features = Features(answering, tmp_path / "cache")
    assert features.fill(clips) == 0
    found = replies(answering, features, clips)
    true = [json.loads(clip.answer)["operation"] for clip in clips]
    assert [json.loads(reply.text)["operation"] for reply in found] == true
    candidates = [f'{{"operation": "{name}"' for name in tiny_vlm.OPERATIONS]
    scores = [score_continuations(answering, features, clip, candidates) for clip in clips]
    assert [tiny_vlm.OPERATIONS[one.argmax()] for one in scores] == true
    said = inputs.Example(**{**vars(clips[0]), "answer": found[0].text})
    with torch.no_grad():
        nats = training.loss(answering, features, [said], "no").item()
    assert found[0].log_probability == pytest.approx(-nats, rel=1e-3)
