"""Training: a plain autoencoder from principal components on, then codebooks too; resumable after any epoch."""

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor

from kinetrace import files, loop, training
from kinetrace.errors import KinetraceError
from kinetrace.loop import rate
from kinetrace.parallel import progress
from kinetrace.shards import Shards
from kinetrace.tokens.model.batches import Corpus, Plan
from kinetrace.tokens.model.checkpoint import Checkpoint
from kinetrace.tokens.model.network import PoseTokenizer, Scaling, Windows
from kinetrace.tokens.params import QuantizerParams, TokensParams
from kinetrace.tokens.train import losses
from kinetrace.tokens.train.feed import Build, Feed
from kinetrace.tokens.train.objective import Objective, Phase
from kinetrace.workload import Job, Log

PHASES: tuple[Phase, ...] = ("autoencode", "quantize", "settle")
START_ROWS = 65_536  # latents that k-means sees at most
SMALLEST_BOOK, LARGEST_BOOK = 8, 1024  # what ``codes: auto`` chooses between


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


def book_sizes(present: Mapping[str, int], params: QuantizerParams) -> dict[str, int]:
    """Codes a level by part: as given, or for ``auto`` the largest power of two that the part's chunks support.

    A codebook can only be used evenly where there are several chunks a code (``chunks_per_code``).
    """
    if params.codes != "auto":
        return dict.fromkeys(present, params.codes)
    supported = {part: max(count // params.chunks_per_code, 1) for part, count in present.items()}
    powers = {part: 2 ** (many.bit_length() - 1) for part, many in supported.items()}
    return {part: min(max(power, SMALLEST_BOOK), LARGEST_BOOK) for part, power in powers.items()}


class Trainer:
    """Model, optimizer and data of one training; ``fit`` runs the epochs that are still missing."""

    def __init__(self, params: TokensParams, shards: Shards, state_file: Path) -> None:
        self.params = params
        self.train = Corpus.of(shards.subset("train"), params.model)
        self.val = Corpus.of(shards.subset("val"), params.model)
        present, scaling = _surveyed(self.train)
        self.codes = book_sizes(present, params.model.quantizer)
        with loop.seeded(params.train.seed):
            model = PoseTokenizer(params.model, self.codes, scaling, usage=params.loss.usage > 0)
        model.start(_moments(model, self.train), present)
        self.accelerator = Accelerator(
            mixed_precision=params.train.precision,
            # codebooks are equal on all ranks by themselves; what a warm-up leaves out has no gradient
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False, find_unused_parameters=True)],
        )
        optimizer = loop.adamw(model, params.train.learning_rate, params.train.weight_decay)
        objective = Objective(model, params.loss, params.model.stride)
        self.objective, self.optimizer = self.accelerator.prepare(objective, optimizer)
        self.feed = Feed(self.train, params, self.accelerator.process_index, self.accelerator.num_processes)
        epochs = params.train.epochs
        self.first_quantized = min(math.ceil(params.train.warmup * epochs - 1e-9), epochs - 1)
        self.first_settled = max(epochs - math.floor(params.train.settle * epochs + 1e-9), self.first_quantized)
        self.resume = loop.Resume(
            state_file,
            {"model": self.model, "optimizer": self.optimizer, "scaler": loop.scaler(self.accelerator)},
        )

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
        history = self.resume.load()
        missing = range(len(history), self.params.train.epochs)
        for epoch in progress(iter(missing), len(missing), "train"):
            self._begin(epoch)
            row = {"epoch": float(epoch), **self._epoch(epoch), **self._validate()}
            loop.refuse_broken(row, self.params.train.learning_rate)
            history.append(row)
            log(epoch, row)
            if self.accelerator.is_main_process:
                self.resume.save(history)
            loop.give_back_memory()
        return history

    def _begin(self, epoch: int) -> None:
        """Enter the phase of an epoch."""
        if epoch == self.first_quantized:
            for part, latents in self._latents(self.train.plan()).items():
                self.model.quantizer(part).start(latents, loop.hash_seed(self.params.train.seed, part))
        if epoch == self.first_settled:
            for part, latents in self._latents(self.train.everywhere()).items():
                self.model.quantizer(part).refit(latents)
        begun = (epoch >= self.first_quantized) + (epoch >= self.first_settled)
        self._objective.phase = PHASES[begun]

    @torch.no_grad()
    def _latents(self, plan: Plan) -> dict[str, Tensor]:
        """Of windows as they are, ``START_ROWS`` of them at most, by part ``[N, D]``."""
        some = plan.take(slice(None, None, math.ceil(len(plan) / START_ROWS)))
        self.model.eval()
        found: dict[str, list[Tensor]] = {part: [] for part in self.model.parts}
        for windows in self.train.each(some):
            for part, rows in windows.items():
                found[part].append(self.model.latent(part, rows.to(self.accelerator.device)))
        return {part: torch.cat(values) for part, values in found.items()}

    def _epoch(self, epoch: int) -> dict[str, float]:
        self.objective.train()
        seed = loop.hash_seed(self.params.train.seed, epoch)
        self._objective.generator = torch.Generator().manual_seed(seed)
        groups = loop.grouped(self.feed.epoch(epoch), self.params.train.accumulate)
        rows: list[dict[str, Tensor]] = []
        with loop.seeded(seed):
            for place, group in enumerate(groups):
                self._set_rate((epoch + (place + 0.5) / len(groups)) / self.params.train.epochs)
                rows += self._step(group)
        return loop.means(self.accelerator, rows) | {"learning_rate": float(self.optimizer.param_groups[0]["lr"])}

    def _set_rate(self, progress: float) -> None:
        """A function of how much is done, since augmentation gives an epoch now more steps, now fewer."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.params.train.learning_rate * rate(progress, self.params.train.warmup)

    def _step(self, group: Sequence[Build]) -> list[dict[str, Tensor]]:
        """One optimizer step over the mean gradient of the batches; each one's losses."""
        device = self.accelerator.device
        batches = ({part: found.to(device) for part, found in build().items()} for build in group)
        rows = loop.accumulated(self.accelerator, self.objective, batches, len(group))
        self.accelerator.clip_grad_norm_(self.objective.parameters(), self.params.train.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return rows

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """The loss of position of unseen clips, the mean over the parts that they show."""
        self.model.eval()
        errors = dict.fromkeys(self.model.parts, 0.0)
        weights = dict.fromkeys(self.model.parts, 0.0)
        for windows in self.val.each(self.val.plan()):
            for part, found in windows.items():
                weight = found.weights_BLK.sum().item()
                errors[part] += self._error(part, found.to(self.accelerator.device)) * weight
                weights[part] += weight
        means = [errors[part] / weight for part, weight in weights.items() if weight]
        return {"val_position": sum(means) / len(means)} if means else {}

    def _error(self, part: str, windows: Windows) -> float:
        model, latent = self.model, self.model.latent(part, windows)
        if self._objective.phase != PHASES[0]:
            latent = model.quantizer(part).decode(model.quantizer(part).encode(latent))
        return losses.position(model.positions(part, latent), windows, model.scaling(part).spread).item()

    def checkpoint(self) -> Checkpoint:
        """The weights with their context."""
        return Checkpoint(self.model.cpu().eval(), self.params.model, self.codes)


def _surveyed(corpus: Corpus) -> tuple[dict[str, int], dict[str, Scaling]]:
    """By part: how many windows show it, and its scaling.

    Raises:
        KinetraceError: no window shows a part.
    """
    counts: dict[str, int] = dict.fromkeys(corpus.params.parts, 0)
    sums: dict[str, Tensor] = {}
    for windows in corpus.each(corpus.plan()):
        for part, found in windows.items():
            counts[part] += len(found)
            sums[part] = sums.get(part, 0) + Scaling.sums(found)
    _refuse_absent(counts)
    return counts, {part: Scaling.of(sums[part]) for part in counts}


@torch.no_grad()
def _moments(model: PoseTokenizer, corpus: Corpus) -> dict[str, Tensor]:
    """By part: the second moments of its chunks' deviations from the mean pose, summed."""
    found: dict[str, Tensor] = {}
    for windows in corpus.each(corpus.plan()):
        for part, some in windows.items():
            flat = model.flat(part, some).double()
            found[part] = found.get(part, 0) + flat.T @ flat
    return found


def _refuse_absent(present: Mapping[str, int]) -> None:
    absent = [part for part, count in present.items() if not count]
    if absent:
        raise KinetraceError(
            f"no training chunk shows {' or '.join(absent)}: remove it from model.parts, or lower "
            "model.score_threshold or model.min_observed"
        )
