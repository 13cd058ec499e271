"""Training on a CUDA device; ``make gpu``."""

import pytest
import torch
from accelerate.state import AcceleratorState

from tests.sign.trained import trainer

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
