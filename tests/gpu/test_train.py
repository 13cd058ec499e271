"""Training on a CUDA device; ``make gpu``."""

import pytest
import torch
from accelerate.state import AcceleratorState

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
@pytest.mark.parametrize("kind", ["vq", "fsq", "simvq"])
def test_a_tokenizer_learns_and_its_checkpoint_runs_on_the_cpu(tmp_path, precision, kind):
    one = tokens_trainer(tmp_path, train__epochs=4, train__precision=precision, model__quantizer__kind=kind)
    history = one.fit(lambda step, values: None)
    assert history[-1]["position"] < history[0]["position"]
    codes = one.checkpoint().model.encode("body", random_windows(5, 17))
    assert codes.shape == (5, 2) and codes.min() >= 0
