"""Pretraining on clips without labels: deterministic, resumable after any epoch, stopped when it collapses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from transformers import get_cosine_schedule_with_warmup

from kinetrace import __version__, checkpoints, files, loop, params, recipes, training
from kinetrace.errors import KinetraceError
from kinetrace.parallel import progress
from kinetrace.sign.model.batches import Corpus, Source, balanced_batches
from kinetrace.sign.model.network import SignModel
from kinetrace.sign.params import SignParams
from kinetrace.sign.train import pretrained
from kinetrace.sign.train.augment import two_views
from kinetrace.sign.train.selfsupervised import Objective, Views, hide
from kinetrace.sign.train.trainer import WATCH_FROM
from kinetrace.sign.train.unlabelled import gather, statistics
from kinetrace.sign.workload import WORKLOAD
from kinetrace.workspace import Workspace

DECIDING: dict[str, Any] = {  # the parameters that the result depends on
    "model": {*pretrained.SHAPES, "dropout", "max_frames"},
    "augment": True,
    "train": {"seed", "weight_decay", "warmup", "clip_norm", "precision", "activation_checkpointing"},
    "pretrain": True,
}
NO_TEXT = {"text_width": 1, "vocabulary": 3}  # text projection and decoder are there, small and untouched


def adopt(workspace: Workspace, folders: Sequence[Path], jobs: int) -> str:
    """Pretrain into ``models/sign/pretrained`` and make ``params.yaml`` begin with it; says what happened.

    Raises:
        KinetraceError: as ``write``.
    """
    target = workspace.of("sign").pretrained
    summary, named = write(workspace, folders, target, jobs)
    named = f"{target.relative_to(workspace.root).as_posix()}@{named.rpartition('@')[2]}"
    changes = recipes.change(workspace, {"sign": {"train": {"pretrained": named}}}, workspace.params)
    lines = [f"params.yaml: {change}" for change in changes] or ["params.yaml: begins with it already"]
    return "\n".join([summary, *lines, "next: make run"])


def only(workspace: Workspace, folders: Sequence[Path], target: Path, jobs: int) -> str:
    """Pretrain into the folder ``target``; says how a training begins with it.

    Raises:
        KinetraceError: as ``write``, or ``target`` holds something else.
    """
    target = files.replaceable(target, "pretrained weights", (checkpoints.CONFIG, checkpoints.WEIGHTS))
    summary, named = write(workspace, folders, target, jobs)
    return f"{summary}\nto begin a training with it: sign.train.pretrained: {named}"


def write(workspace: Workspace, folders: Sequence[Path], target: Path, jobs: int) -> tuple[str, str]:
    """Pretrain on the training split and on ``folders`` into ``target``; a summary, and the reference to it.

    Clips of the other splits are left out wherever they lie.

    Raises:
        KinetraceError: there are no clips, a folder cannot be read, or the training breaks.
    """
    given = params.load(workspace.params, "sign", SignParams)
    shards, raw = workspace.of("sign").shards, workspace.root / params.source(workspace.params, "sign").raw
    clips, summary = gather(shards, raw, folders, jobs, "face" in given.model.parts)
    digests = sorted(clips.clips.digest)
    values = given.model_dump(mode="json", include=DECIDING)
    aside = workspace.of("sign").resume.with_name("sign-pretrain")  # the end of another training clears its own
    state = aside / f"{training.identity(WORKLOAD, values, clips.clips.digest.tolist())}.pt"
    learner = Pretraining(given, clips, state)
    history = learner.fit()
    record = {"params": values, "clips": digests, "history": history, "version": __version__}
    named = pretrained.write(target, learner.model.cpu(), given, record)
    state.unlink(missing_ok=True)  # the result is complete
    found = ", ".join(f"{name} {history[-1][name]:.3f}" for name in ("masked", "dual"))
    return f"pretrained on {summary}; last epoch: {found}: {target}", named


class Pretraining:
    """Model, optimizer and clips of one pretraining; ``fit`` runs the epochs that are still missing."""

    def __init__(self, given: SignParams, clips: Source, state_file: Path) -> None:
        self.params = given
        self.corpus = Corpus.of(clips, given.model.max_frames)
        with loop.seeded(given.train.seed):
            mean, deviation = statistics(clips)
            recompute = given.train.activation_checkpointing
            model = SignModel(given.model, mean, deviation, **NO_TEXT, recompute=recompute)
            for name, module in model.named_children():
                module.requires_grad_(name in pretrained.MODULES)
            objective = Objective(model, given.pretrain)
        model.log_scale.requires_grad_(False)
        self.accelerator = Accelerator(mixed_precision=given.train.precision)
        optimizer = loop.adamw(objective, given.pretrain.learning_rate, given.train.weight_decay)
        self.objective, self.optimizer = self.accelerator.prepare(objective, optimizer)
        steps = len(self._batches(0)) * given.pretrain.epochs
        warmup = int(given.train.warmup * steps)
        self.schedule = get_cosine_schedule_with_warmup(self.optimizer.optimizer, warmup, steps)
        parts = {"objective": self._plain, "optimizer": self.optimizer, "schedule": self.schedule}
        self.resume = loop.Resume(state_file, parts | {"scaler": loop.scaler(self.accelerator)})

    @property
    def _plain(self) -> Objective:
        objective: Objective = self.accelerator.unwrap_model(self.objective)
        return objective

    @property
    def model(self) -> SignModel:
        """The network as it is now."""
        return self._plain.model

    def fit(self) -> list[dict[str, float]]:
        """Run the missing epochs; returns the history of all, one row an epoch.

        Raises:
            KinetraceError: the loss is not finite, or the embeddings have collapsed.
        """
        history = self.resume.load()
        missing = range(len(history), self.params.pretrain.epochs)
        for epoch in progress(iter(missing), len(missing), "pretrain"):
            row = {"epoch": float(epoch), **self._epoch(epoch)}
            self._refuse(row)
            history.append(row)
            self.resume.save(history)
            loop.give_back_memory()
        return history

    def _batches(self, epoch: int) -> list[np.ndarray]:
        every = np.arange(len(self.corpus))  # each clip a label of its own
        batch, seed = self.params.pretrain.batch, self.params.train.seed
        return balanced_batches(every, self.corpus.lengths, batch, 1, seed, epoch)

    def _epoch(self, epoch: int) -> dict[str, float]:
        self.objective.train()
        with loop.seeded(loop.hash_seed("pretrain", self.params.train.seed, epoch)):
            rows = [row for indices in self._batches(epoch) for row in self._step(self._views(indices, epoch))]
        return loop.means(self.accelerator, rows) | {"learning_rate": self.schedule.get_last_lr()[0]}

    def _views(self, indices: np.ndarray, epoch: int) -> Views:
        frames, lengths = self.corpus.batch(indices)
        names = [self.corpus.clip_ids[index] for index in indices]
        seed = self.params.train.seed
        frames, lengths = two_views(frames, lengths, names, self.params.augment, seed, epoch)
        return Views(frames, lengths, hide(names, lengths, self.params.pretrain, seed, epoch))

    def _step(self, views: Views) -> list[dict[str, torch.Tensor]]:
        rows = loop.accumulated(self.accelerator, self.objective, [views.to(self.accelerator.device)], 1)
        self.accelerator.clip_grad_norm_(self.objective.parameters(), self.params.train.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()
        return rows

    def _refuse(self, row: dict[str, Any]) -> None:
        loop.refuse_broken(row, self.params.pretrain.learning_rate)
        limit = self.params.train.collapse_similarity
        if self.params.pretrain.dual and row["epoch"] >= WATCH_FROM and row["similarity"] > limit:
            raise KinetraceError(
                f"pretraining stopped in epoch {row['epoch']:.0f}: the embeddings have collapsed (mean similarity of "
                f"different clips {row['similarity']:.3f}, limit {limit:g} in train.collapse_similarity); lower "
                "pretrain.learning_rate or raise pretrain.batch"
            )
