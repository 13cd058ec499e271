"""Training: a plain autoencoder first, codebooks from its latents, then both; resumable after any epoch."""

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor
from transformers import get_cosine_schedule_with_warmup

from kinetrace import files, training
from kinetrace.errors import KinetraceError
from kinetrace.loop import adamw, give_back_memory, grouped, hash_seed, history_csv, seeded
from kinetrace.parallel import progress
from kinetrace.shards import Shards
from kinetrace.tokens.model.batches import Corpus
from kinetrace.tokens.model.checkpoint import Checkpoint
from kinetrace.tokens.model.network import PoseTokenizer, Scaling, Windows
from kinetrace.tokens.params import QuantizerParams, TokensParams
from kinetrace.tokens.train import losses
from kinetrace.tokens.train.feed import Feed
from kinetrace.tokens.train.objective import Batch, Objective
from kinetrace.workload import Job, Log

START_ROWS = 65_536  # latents that k-means sees at most
SMALLEST_BOOK, LARGEST_BOOK = 8, 1024  # what ``codes: auto`` chooses between


def run(job: Job, log: Log) -> None:
    """Write ``checkpoint/`` and ``history.csv``."""
    shards = Shards.open(job.folders.shards)
    trainer = Trainer(job.params, shards, job.folders.resume / f"{training.key(job)}.pt")
    history = trainer.fit(log)
    if trainer.accelerator.is_main_process:
        trainer.checkpoint().save(job.folders.checkpoint)
        files.write_bytes(job.folders.history, history_csv(history))
        shutil.rmtree(job.folders.resume, ignore_errors=True)  # the result is complete; older states are useless
    trainer.accelerator.wait_for_everyone()


def book_sizes(present: Mapping[str, int], params: QuantizerParams) -> dict[str, int]:
    """Codes a level by part: as given, or for ``auto`` the largest power of two that the part's chunks support.

    A codebook can only be used evenly where there are several chunks a code (``chunks_per_code``).
    """
    if params.codes != "auto":
        return dict.fromkeys(present, params.codes)
    supported = {part: max(count // params.chunks_per_code, 1) for part, count in present.items()}
    return {part: min(max(2 ** int(math.log2(many)), SMALLEST_BOOK), LARGEST_BOOK) for part, many in supported.items()}


class Trainer:
    """Model, optimizer and data of one training; ``fit`` runs the epochs that are still missing."""

    def __init__(self, params: TokensParams, shards: Shards, state_file: Path) -> None:
        self.params, self.state_file = params, state_file
        self.train = Corpus.of(shards.subset("train"), params.model)
        self.val = Corpus.of(shards.subset("val"), params.model)
        present = self.train.present(self.train.plan())
        _refuse_absent({part: len(found) for part, found in present.items()})
        self.codes = book_sizes({part: len(found) for part, found in present.items()}, params.model.quantizer)
        scaling = {part: Scaling.of(found) for part, found in present.items()}
        with seeded(params.train.seed):
            model = PoseTokenizer(params.model, self.codes, scaling, usage=params.loss.usage > 0)
        self.accelerator = Accelerator(
            mixed_precision=params.train.precision,
            # codebooks are equal on all ranks by themselves; a part that no window of a step shows has no gradient
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False, find_unused_parameters=True)],
        )
        optimizer = adamw(model, params.train.learning_rate, params.train.weight_decay)
        objective = Objective(model, params.loss, params.model.stride)
        self.objective, self.optimizer = self.accelerator.prepare(objective, optimizer)
        self.feed = Feed(self.train, params, self.accelerator.process_index, self.accelerator.num_processes)
        steps = math.ceil(self.feed.batches_an_epoch / params.train.accumulate)
        self.first_quantized = math.ceil(params.train.warmup * params.train.epochs)
        self.schedule = get_cosine_schedule_with_warmup(
            self.optimizer.optimizer, int(params.train.warmup * steps * params.train.epochs),
            steps * params.train.epochs,
        )  # fmt: skip

    def size(self) -> int:
        """Parameters that are trained."""
        return sum(weights.numel() for weights in self.model.parameters())

    @property
    def model(self) -> PoseTokenizer:
        model: PoseTokenizer = self._objective.model
        return model

    @property
    def _objective(self) -> Objective:
        objective: Objective = self.accelerator.unwrap_model(self.objective)
        return objective

    def fit(self, log: Log) -> list[dict[str, float]]:
        """Run the missing epochs; returns the history of all, one row an epoch.

        Raises:
            KinetraceError: the loss is not finite.
        """
        history = self._resumed()
        missing = range(len(history), self.params.train.epochs)
        for epoch in progress(iter(missing), len(missing), "train"):
            self._objective.quantize = epoch >= self.first_quantized
            if epoch == self.first_quantized:
                self._start_codebooks()
            row = {"epoch": float(epoch), **self._epoch(epoch), **self._validate()}
            self._refuse(row)
            history.append(row)
            log(epoch, row)
            self._save(history)
            give_back_memory()
        return history

    def _start_codebooks(self) -> None:
        """Codebooks from the latents of training windows as they are."""
        plan = self.train.plan()
        step = math.ceil(len(plan) / START_ROWS)
        self.model.eval()
        for part, found in self.train.present(plan.take(slice(None, None, step))).items():
            with torch.no_grad():
                latents = self.model.latent(part, found.to(self.accelerator.device))
            self.model.quantizer(part).start(latents, hash_seed(self.params.train.seed, len(part)))

    def _epoch(self, epoch: int) -> dict[str, float]:
        self.objective.train()
        seed = hash_seed(self.params.train.seed, epoch)
        generator = torch.Generator().manual_seed(seed)
        rows: list[dict[str, Tensor]] = []
        with seeded(seed):
            for group in grouped(self.feed.epoch(epoch), self.params.train.accumulate):
                rows += self._step(group, generator)
        means = {name: torch.stack([row[name] for row in rows]).mean().item() for name in rows[0]}
        return means | {"learning_rate": self.schedule.get_last_lr()[0]}

    def _step(self, group: Sequence[Callable[[], Batch]], generator: torch.Generator) -> list[dict[str, Tensor]]:
        """One optimizer step over the mean gradient of the batches; each one's losses."""
        rows: list[dict[str, Tensor]] = []
        for place, build in enumerate(group, start=1):
            batch = {part: found.to(self.accelerator.device) for part, found in build().items()}
            with nullcontext() if place == len(group) else self.accelerator.no_sync(self.objective):
                found = self.objective(batch, generator)
                self.accelerator.backward(found["loss"] / len(group))
            rows.append({name: value.detach() for name, value in found.items()})
        self.accelerator.clip_grad_norm_(self.objective.parameters(), self.params.train.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()
        return rows

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """Of unseen clips: the loss of position, and how evenly the training codes are used, the worst of any level."""
        if not len(self.val):
            return {}
        self.model.eval()
        found = {part: found.to(self.accelerator.device) for part, found in self.val.present(self.val.plan()).items()}
        quantized = self._objective.quantize
        values = [_reconstruction(self.model, part, some, quantized) for part, some in found.items() if len(some)]
        return {"val_position": float(torch.stack(values).mean())} if values else {}

    def _refuse(self, row: Mapping[str, float]) -> None:
        broken = [name for name, value in row.items() if not math.isfinite(value)]
        if broken:
            raise KinetraceError(
                f"training stopped in epoch {row['epoch']:.0f}: {', '.join(broken)} is not finite; lower "
                f"train.learning_rate (now {self.params.train.learning_rate:g}) or set train.precision to 'no'"
            )

    def checkpoint(self) -> Checkpoint:
        """The weights with their context."""
        return Checkpoint(self.model.cpu().eval(), self.params.model, self.codes)

    def _save(self, history: list[dict[str, float]]) -> None:
        if not self.accelerator.is_main_process:
            return
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self._scaler().state_dict(),
            "history": history,
        }
        with files.staged(self.state_file) as partial:
            torch.save(state, partial)

    def _resumed(self) -> list[dict[str, float]]:
        if not self.state_file.is_file():
            return []
        state = torch.load(self.state_file, map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self._scaler().load_state_dict(state["scaler"])
        history: list[dict[str, float]] = state["history"]
        return history

    def _scaler(self) -> torch.amp.GradScaler:
        """The loss scaler of fp16; one that does nothing elsewhere."""
        return self.accelerator.scaler or torch.amp.GradScaler("cpu", enabled=False)


def _refuse_absent(present: Mapping[str, int]) -> None:
    absent = [part for part, count in present.items() if not count]
    if absent:
        raise KinetraceError(
            f"no training chunk shows {' or '.join(absent)}: remove it from model.parts, or lower "
            "model.score_threshold or model.min_observed"
        )


def _reconstruction(model: PoseTokenizer, part: str, found: Windows, quantized: bool) -> Tensor:
    latent = model.latent(part, found)
    if quantized:
        latent = model.quantizer(part).decode(model.quantizer(part).encode(latent))
    return losses.position(model.positions(part, latent), found)
