"""Training of the small network; resumable after any epoch."""

import math
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from kinetrace import files, loop, training
from kinetrace.errors import KinetraceError
from kinetrace.loop import rate
from kinetrace.operations.model.batches import Corpus
from kinetrace.operations.model.checkpoint import Checkpoint
from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.inference import CLIPS, predicted
from kinetrace.operations.model.spans import overlap
from kinetrace.operations.model.targets import NOTHING, Targets, vocabulary
from kinetrace.operations.model.tcn import OperationsNet
from kinetrace.operations.params import OperationsParams
from kinetrace.operations.train.feed import Feed
from kinetrace.operations.train.objective import Batch, Objective, balance
from kinetrace.parallel import progress
from kinetrace.shards import Shards
from kinetrace.workload import Job, Log


def run(job: Job, log: Log) -> None:
    """Write ``checkpoint/`` and ``history.csv``."""
    shards = Shards.open(job.folders.shards)
    trainer = Trainer(job.params, shards, job.folders.resume / f"{training.key(job)}.pt")
    history = trainer.fit(log)
    if trainer.accelerator.is_main_process:
        trainer.checkpoint().save(job.folders.checkpoint)
        files.write_bytes(job.folders.history, loop.history_csv(history))
        shutil.rmtree(job.folders.resume, ignore_errors=True)  # the result is complete; older states are useless
    trainer.accelerator.wait_for_everyone()


class Trainer:
    """Model, optimizer and data of one training; ``fit`` runs the epochs that are still missing."""

    def __init__(self, params: OperationsParams, shards: Shards, state_file: Path) -> None:
        train, val = shards.subset("train"), shards.subset("val")
        if not len(train):
            raise KinetraceError(f"{shards.folder} holds no training clip: see split in params.yaml")
        self.params, self.labels, geometry = params, vocabulary(train.clips), Geometry.of(train.clips)
        pixels, sampler = params.model.tcn.pixels, params.model.sampler
        self.train, self.val = (Corpus(some, geometry, pixels, sampler) for some in (train, val))
        targets, self.truth = (Targets.of(some.clips, self.labels, geometry) for some in (train, val))
        with loop.seeded(params.train.seed):
            model = OperationsNet(params.model.tcn, geometry, len(self.labels))
        self.accelerator = Accelerator(mixed_precision=params.train.precision)
        weights_K = balance(torch.from_numpy(targets.moment_CN[:, geometry.before :]), len(self.labels))
        optimizer = loop.adamw(model, params.train.learning_rate, params.train.weight_decay)
        self.objective, self.optimizer = self.accelerator.prepare(Objective(model, params.loss, weights_K), optimizer)
        self.feed = Feed(self.train, targets, params, self.accelerator.process_index, self.accelerator.num_processes)
        self.resume = loop.Resume(
            state_file,
            {"model": self.model, "optimizer": self.optimizer, "scaler": loop.scaler(self.accelerator)},
        )

    def size(self) -> int:
        """Parameters that are trained."""
        return sum(weights.numel() for weights in self.model.parameters())

    @property
    def model(self) -> OperationsNet:
        model: OperationsNet = self.accelerator.unwrap_model(self.objective).model
        return model

    def fit(self, log: Log) -> list[dict[str, float]]:
        """Run the missing epochs; returns the history of all, one row an epoch.

        Raises:
            KinetraceError: the loss is not finite.
        """
        history = self.resume.load()
        missing = range(len(history), self.params.train.epochs)
        for epoch in progress(iter(missing), len(missing), "train"):
            row = {"epoch": float(epoch), **self._epoch(epoch), **self._validate()}
            loop.refuse_broken(row, self.params.train.learning_rate)
            history.append(row)
            log(epoch, row)
            if self.accelerator.is_main_process:
                self.resume.save(history)
            loop.give_back_memory()
        return history

    def _epoch(self, epoch: int) -> dict[str, float]:
        self.objective.train()
        train = self.params.train
        steps = math.ceil(len(self.feed.plan(epoch)) / train.accumulate)
        rows: list[dict[str, Tensor]] = []
        with loop.seeded(loop.hash_seed(train.seed, epoch)):
            for place, group in enumerate(_grouped(self.feed.epoch(epoch), train.accumulate)):
                self._set_rate((epoch + (place + 0.5) / steps) / train.epochs)
                rows += self._step(group)
        return loop.means(self.accelerator, rows) | {"learning_rate": float(self.optimizer.param_groups[0]["lr"])}

    def _set_rate(self, progress: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.params.train.learning_rate * rate(progress, self.params.train.warmup)

    def _step(self, group: list[Batch]) -> list[dict[str, Tensor]]:
        """One optimizer step over the mean gradient of the batches; each one's losses."""
        batches = (batch.to(self.accelerator.device) for batch in group)
        rows = loop.accumulated(self.accelerator, self.objective, batches, len(group))
        self.accelerator.clip_grad_norm_(self.objective.parameters(), self.params.train.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return rows

    def _validate(self) -> dict[str, float]:
        """Of unseen clips: the share of operations and of next operations that are right, the mean overlap of spans."""
        known_C, follows_C = self.truth.operation_C != NOTHING, self.truth.next_C != NOTHING
        if not known_C.any():
            return {}
        found = predicted(self.model.eval(), self.val.batches(CLIPS))
        right_C = found.operation_CK.argmax(1) == self.truth.operation_C
        overlaps_C = overlap(found.span_C2, self.truth.span_C2)
        measured = {"val_operation": right_C[known_C].mean(), "val_tiou": overlaps_C[known_C].mean()}
        if follows_C.any():
            measured["val_next"] = (found.next_CK.argmax(1) == self.truth.next_C)[follows_C].mean()
        return {name: float(value) for name, value in measured.items()}

    def checkpoint(self) -> Checkpoint:
        """The weights with their context."""
        return Checkpoint(self.model.cpu().eval(), self.params.model, self.labels, self.train.geometry)


def _grouped(batches: Iterator[Batch], size: int) -> Iterator[list[Batch]]:
    while group := list(islice(batches, size)):
        yield group
