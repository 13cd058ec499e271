"""Training on a CUDA device; ``make gpu``."""

import math

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from kinetrace import loop
from kinetrace.sign.train.caching import cached
from tests.sign.train.test_caching import BATCHES, CARD, CLIPS, at_once, gradients, longest, real, shipped
from tests.sign.train.test_caching import objective as cached_objective
from tests.sign.trained import trainer
from tests.tokens.clips import random_windows
from tests.tokens.trained import trainer as tokens_trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture(autouse=True)
def another_precision():
    """Accelerate allows one precision a process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize("precision", ["no", "fp16"])
def test_training_lowers_the_loss_and_its_checkpoint_runs_on_the_cpu(tmp_path, precision):
    one = trainer(tmp_path, train={"epochs": 4, "precision": precision})
    history = one.fit(lambda step, values: None)
    assert history[-1]["loss"] < history[0]["loss"]
    frames, lengths = one.train.batch(one.train.by_length(4)[0])
    assert torch.isfinite(one.checkpoint().model(frames, lengths)[0]).all()


@pytest.mark.parametrize("precision", ["no", "fp16"])
@pytest.mark.parametrize("encoder", ["conv", "gru", "transformer"])
def test_an_effective_batch_of_512_clips_trains_under_4_gb(precision, encoder):
    values = shipped()
    accelerator = Accelerator(mixed_precision=precision)
    made = real(values, encoder)
    objective, optimizer = accelerator.prepare(made, torch.optim.AdamW(made.parameters()))
    one = longest(values, 2 * values.train.labels_per_batch * values.train.clips_per_label)
    batches = [one] * math.ceil(2 * CLIPS / len(one.lengths_B))
    torch.cuda.reset_peak_memory_stats()
    cached(accelerator, objective, batches)
    optimizer.step()
    print(f"{encoder}, {precision}: {torch.cuda.max_memory_allocated() / 1e9:.2f} GB")
    assert torch.cuda.max_memory_allocated() < CARD


def test_gradients_of_cached_batches_are_those_of_the_large_batch():
    cache, plain = cached_objective().cuda(), cached_objective().cuda()
    accelerator = Accelerator()
    with loop.seeded(3):
        cached(accelerator, cache, BATCHES)
    at_once(plain, [batch.to(accelerator.device) for batch in BATCHES])
    torch.testing.assert_close(gradients(cache), gradients(plain), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("precision", ["no", "fp16"])
def test_cached_batches_and_past_clips_lower_the_loss(tmp_path, precision):
    section = {"epochs": 4, "precision": precision, "accumulate": 2, "labels_per_batch": 2, "gradient_caching": True}
    history = trainer(tmp_path, train=section, loss={"queue": 16}).fit(lambda step, values: None)
    assert history[-1]["loss"] < history[0]["loss"]


@pytest.mark.parametrize("precision", ["no", "fp16"])
@pytest.mark.parametrize("kind", ["vq", "fsq", "simvq"])
def test_a_tokenizer_learns_and_its_checkpoint_runs_on_the_cpu(tmp_path, precision, kind):
    one = tokens_trainer(tmp_path, train__epochs=4, train__precision=precision, model__quantizer__kind=kind)
    history = one.fit(lambda step, values: None)
    assert history[-1]["position"] < history[0]["position"]
    codes = one.checkpoint().model.encode("body", random_windows(5, 17))
    assert codes.shape == (5, 2) and codes.min() >= 0
