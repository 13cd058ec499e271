"""A training of the tiny vision-language model in a process of its own: ``folder rank-file``."""

import sys
from pathlib import Path

import torch

from kinetrace.operations.model.vlm import adapters
from tests.operations.train.test_vlm import EXAMPLES, fitted, learner

if __name__ == "__main__":
    torch.set_num_threads(1)
    vlm = learner()
    history = fitted(vlm, Path(sys.argv[1]), EXAMPLES[:8], epochs=2, accumulate=3)
    torch.save({"history": history, "adapters": adapters.state(vlm)}, sys.argv[2])
