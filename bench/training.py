"""A training step of each encoder, against the published recipe's network on the same batch.

The peer stands for the published notebook: every frame of 540 values into a Transformer of 6 + 6 layers, 512 wide, with
30,522 output words, about 76 million parameters.

python -m bench training
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from bench.data import twin_job, two_cores
from kinetrace import files
from kinetrace.shards import Shards
from kinetrace.sign.model.encoders import ENCODERS
from kinetrace.sign.train.objective import Batch
from kinetrace.sign.train.trainer import Trainer

REPEATS = 3
WORDS = 30_522  # distilbert-base-uncased


class Published(nn.Module):
    """Mean pooling over a frame Transformer, and a Transformer decoder over the whole vocabulary."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(540, 512)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(512, 8, 2048, batch_first=True), 6, enable_nested_tensor=False
        )
        self.words = nn.Embedding(WORDS, 512)
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(512, 8, 2048, batch_first=True), 6)
        self.out = nn.Linear(512, WORDS)

    def forward(self, frames: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        """The sum of an in-batch contrastive loss with diagonal targets and the generation loss."""
        memory = self.encoder(self.stem(frames))
        words = self.decoder(self.words(text[:, :-1]), memory)
        pooled = F.normalize(memory.mean(1), dim=-1)
        logits = pooled @ F.normalize(self.words(text).mean(1), dim=-1).T / 0.07
        generation = F.cross_entropy(self.out(words).flatten(0, 1), text[:, 1:].flatten())
        return F.cross_entropy(logits, torch.arange(len(frames))) + generation


def seconds(step: Callable[[], object]) -> float:
    """Median seconds of a step after one that warms up."""
    step()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print seconds a step of 32 clips, and the ratios."""
    two_cores()
    found = {}
    with tempfile.TemporaryDirectory() as name:
        job = twin_job(Path(name))
        shards, stats = Shards.open(job.folders.shards), files.read_npz(job.folders.stats_npz)
        for encoder in ENCODERS:
            model = job.params.model.model_copy(update={"encoder": encoder})
            trainer = Trainer(job.params.model_copy(update={"model": model}), shards, stats, Path(name) / "resume")
            trainer.objective.train()
            indices = np.arange(32)
            batch: Batch = trainer._batch(indices, 0)
            found[encoder] = seconds(lambda trainer=trainer, batch=batch: trainer._step([batch], 1)), trainer.size()
        found["published"] = published(trainer, indices)
    for label, (value, size) in found.items():
        print(f"{label:<12} {size / 1e6:5.1f} M parameters  {value:6.2f} s a step of 32 clips")
    peer = found.pop("published")[0]
    for label, (value, _) in found.items():
        print(f"{label} against the published network: {peer / value:.1f} times as fast")


def published(trainer: Trainer, indices: np.ndarray) -> tuple[float, int]:
    """The peer on the same 32 clips at their recorded rate."""
    frames, _ = trainer.train.batch(indices)
    rows = torch.tensor([trainer.row_of[int(trainer.train.labels[index])] for index in indices])
    model = Published()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def step() -> None:
        optimizer.zero_grad()
        model(frames, trainer.text_LT[rows]).backward()
        optimizer.step()

    return seconds(step), sum(weights.numel() for weights in model.parameters())


if __name__ == "__main__":
    main()
