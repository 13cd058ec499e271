"""Training: deterministic, resumable after any epoch, and stopped with a reason when it collapses."""

import math
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import get_cosine_with_hard_restarts_schedule_with_warmup

from kinetrace import files, loop, training
from kinetrace.errors import KinetraceError
from kinetrace.metrics import embedding, retrieval
from kinetrace.parallel import progress
from kinetrace.shards import Shards
from kinetrace.sign.model.batches import Corpus, balanced_batches
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.model.ctc import Words
from kinetrace.sign.model.inference import encode_corpus
from kinetrace.sign.model.network import LOG_SCALE_LIMIT, SignModel
from kinetrace.sign.params import SignParams
from kinetrace.sign.train import caching, pretrained
from kinetrace.sign.train.augment import two_views
from kinetrace.sign.train.objective import Batch, Objective
from kinetrace.sign.train.texts import Texts
from kinetrace.workload import Job, Log

WATCH_FROM = 3  # epochs before a collapse is judged: every network starts with all embeddings alike


def run(job: Job, log: Log) -> None:
    """Write ``checkpoint/`` and ``history.csv``."""
    shards = Shards.open(job.folders.shards)
    stats = files.read_npz(job.folders.stats_npz)
    start = pretrained.chosen(job.folders.workspace.root, job.params, shards.clips)
    trainer = Trainer(job.params, shards, stats, job.folders.resume / f"{training.key(job)}.pt", start)
    history = trainer.fit(log)
    if trainer.accelerator.is_main_process:
        trainer.checkpoint().save(job.folders.checkpoint)
        files.write_bytes(job.folders.history, loop.history_csv(history))
        shutil.rmtree(job.folders.resume, ignore_errors=True)  # the result is complete; older states are useless
    trainer.accelerator.wait_for_everyone()


class Trainer:
    """Model, optimizer and data of one training; ``fit`` runs the epochs that are still missing.

    ``start``: weights of ``pretrained.chosen`` to begin with.
    """

    def __init__(
        self, params: SignParams, shards: Shards, stats: dict[str, Any], state_file: Path,
        start: Mapping[str, torch.Tensor] | None = None,
    ) -> None:  # fmt: skip
        self.params = params
        self.train = Corpus.of(shards.subset("train"), params.model.max_frames)
        self.val = Corpus.of(shards.subset("val"), params.model.max_frames)
        self.texts = Texts.of(self.train.shards.clips, params.model, varied=params.train.text_variations > 0)
        self.sentences, self.vocabulary = self.texts.sentences, self.texts.vocabulary
        self.row_of = {label: row for row, label in enumerate(self.sentences)}
        anchors = self.texts.anchor_AE
        self.glosses = Words.of(self.train.glosses if params.loss.ctc else [])
        with loop.seeded(params.train.seed):
            model = SignModel(
                params.model, stats["mean"], stats["std"], anchors.shape[1], len(self.vocabulary.pieces),
                params.train.activation_checkpointing, self.glosses.classes,
            )  # fmt: skip
        pretrained.begin(model, start or {})
        # what only a loss of weight 0 would use has no gradient
        ranks = DistributedDataParallelKwargs(find_unused_parameters=not all(params.loss.weights().values()))
        self.accelerator = Accelerator(mixed_precision=params.train.precision, kwargs_handlers=[ranks])
        average = get_ema_multi_avg_fn(params.train.averaging)  # type: ignore[no-untyped-call]
        self.averaged = AveragedModel(model, multi_avg_fn=average)
        optimizer = loop.adamw(model, params.train.learning_rate, params.train.weight_decay)
        objective = Objective(model, anchors, params.loss, len(self.sentences))
        self.objective, self.optimizer = self.accelerator.prepare(objective, optimizer)
        self.averaged.to(self.accelerator.device)
        self.bank = self.texts.bank_LE
        self.schedule = self._schedule()
        self.resume = loop.Resume(
            state_file,
            {
                "objective": self.accelerator.unwrap_model(self.objective),
                "averaged": self.averaged,
                "optimizer": self.optimizer,
                "schedule": self.schedule,
                "scaler": loop.scaler(self.accelerator),
            },
        )

    def size(self) -> int:
        """Parameters that are trained."""
        return sum(weights.numel() for weights in self._averaged().parameters())

    def _batches(self, epoch: int) -> list[Any]:
        train = self.params.train
        every = balanced_batches(
            self.train.labels, self.train.lengths, train.labels_per_batch, train.clips_per_label, train.seed, epoch
        )
        ranks = self.accelerator.num_processes
        shared = every[: len(every) // ranks * ranks] or every  # ranks that step unequally often would wait forever
        return shared[self.accelerator.process_index % len(shared) :: ranks]

    def _schedule(self) -> Any:
        train = self.params.train
        steps = math.ceil(len(self._batches(0)) / train.accumulate) * train.epochs
        return get_cosine_with_hard_restarts_schedule_with_warmup(
            self.optimizer.optimizer, int(train.warmup * steps), steps, num_cycles=train.restarts
        )

    def fit(self, log: Log) -> list[dict[str, float]]:
        """Run the missing epochs; returns the history of all, one row an epoch.

        Raises:
            KinetraceError: the loss is not finite, or the embeddings have collapsed.
        """
        history = self.resume.load()
        missing = range(len(history), self.params.train.epochs)
        for epoch in progress(iter(missing), len(missing), "train"):
            row = {"epoch": float(epoch), **self._epoch(epoch), **self._validate()}
            self._refuse(row)
            history.append(row)
            log(epoch, row)
            if self.accelerator.is_main_process:
                self.resume.save(history)
            loop.give_back_memory()
        return history

    def _epoch(self, epoch: int) -> dict[str, float]:
        self.objective.train()
        rows = []
        with loop.seeded(loop.hash_seed(self.params.train.seed, epoch)):
            for group in loop.grouped(self._batches(epoch), self.params.train.accumulate):
                rows += self._step((self._batch(indices, epoch) for indices in group), len(group))
        return loop.means(self.accelerator, rows) | {"learning_rate": self.schedule.get_last_lr()[0]}

    def _batch(self, indices: Any, epoch: int) -> Batch:
        frames, lengths = self.train.batch(indices)
        names = [self.train.clip_ids[index] for index in indices]
        train, augmentation = self.params.train, self.params.augment
        frames, lengths = two_views(frames, lengths, names, augmentation, train.seed, epoch)
        rows = [self.row_of[int(self.train.labels[index])] for index in indices]
        said = [
            self.texts.chosen(row, name, train.text_variations, train.seed, epoch)
            for row, name in zip(rows, names, strict=True)
        ]
        anchors = torch.tensor(said).repeat(2)
        glosses, counts = map(torch.from_numpy, self.glosses.ids([self.train.glosses[index] for index in indices]))
        return Batch(
            frames, lengths, torch.tensor(rows).repeat(2), anchors, self.texts.tokens_AT[anchors],
            glosses.repeat(2, 1), counts.repeat(2),
        )  # fmt: skip

    def _step(self, group: Iterable[Batch], size: int) -> list[dict[str, torch.Tensor]]:
        """One optimizer step over ``size`` batches, as one or by the mean of their gradients; rows of losses."""
        if self.params.train.gradient_caching:
            rows = [caching.cached(self.accelerator, self.objective, list(group))]
        else:
            batches = (batch.to(self.accelerator.device) for batch in group)
            rows = loop.accumulated(self.accelerator, self.objective, batches, size)
        self.accelerator.clip_grad_norm_(self.objective.parameters(), self.params.train.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        with torch.no_grad():  # beyond its limit the scale would have no gradient to come back with
            self._model().log_scale.clamp_(max=LOG_SCALE_LIMIT)
        self.schedule.step()
        self.averaged.update_parameters(self._model())
        return rows

    def _model(self) -> SignModel:
        model: SignModel = self.accelerator.unwrap_model(self.objective).model
        return model

    def _averaged(self) -> SignModel:
        """The averaged weights, in evaluation mode."""
        model = self.averaged.module
        assert isinstance(model, SignModel)
        return model.eval()

    def _validate(self) -> dict[str, float]:
        """How well the averaged weights find the text of unseen clips."""
        if not len(self.val):
            return {}
        model = self._averaged()
        embeddings = encode_corpus(model, self.val, self.accelerator.device).embeddings
        with torch.inference_mode():
            anchors = model.project_text(self.bank.to(self.accelerator.device)).cpu().numpy()
        known = [label in self.row_of for label in self.val.labels.tolist()]
        if not any(known):
            return {}
        labels = self.val.labels[known]
        ids = np.array(list(self.sentences))
        ranks = retrieval.ranks(embeddings[known] @ anchors.T, labels, ids)
        own = np.array([self.row_of[int(label)] for label in labels])
        positive, negative = embedding.pos_neg_similarity(embeddings[known], anchors, own)
        return {"val_inst1": retrieval.recall_at(ranks, 1), "val_pos_sim": positive, "val_neg_sim": negative}

    def _refuse(self, row: dict[str, float]) -> None:
        loop.refuse_broken(row, self.params.train.learning_rate)
        limit = self.params.train.collapse_similarity
        if row["epoch"] >= WATCH_FROM and row.get("val_neg_sim", -1.0) > limit:
            raise KinetraceError(
                f"training stopped in epoch {row['epoch']:.0f}: the embeddings have collapsed (mean similarity to "
                f"wrong sentences {row['val_neg_sim']:.3f}, limit {limit:g} in train.collapse_similarity); lower "
                "train.learning_rate or raise loss.bank"
            )

    def checkpoint(self) -> Checkpoint:
        """The averaged weights with their context."""
        model = self._averaged().cpu()
        ids = list(self.sentences)
        sentences = list(self.sentences.values())
        return Checkpoint(model, self.params.model, self.vocabulary, sentences, ids, self.bank, self.glosses)
