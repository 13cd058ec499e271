"""Training the adapters of the vision-language model: resumable after any kept step to the same bits."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from kinetrace import loop
from kinetrace.loop import rate
from kinetrace.operations.model.vlm import adapters, guards, inputs
from kinetrace.operations.model.vlm.generate import autocast
from kinetrace.operations.model.vlm.inputs import Example
from kinetrace.operations.model.vlm.loading import Vlm, compute_dtype
from kinetrace.operations.model.vlm.vision import Features, encoder_outputs
from kinetrace.operations.params import TrainParams
from kinetrace.parallel import progress
from kinetrace.workload import Log

History = list[dict[str, float]]


@dataclass
class Place:
    """Where a training is: optimizer ``steps`` done, and what the epoch's answers cost so far, in nats and tokens."""

    steps: int = 0
    nats: float = 0.0
    tokens: int = 0

    def state_dict(self) -> dict[str, float]:
        return dict(vars(self))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)


@dataclass(frozen=True)
class Adapters:
    """The adapters' matrices as a part of what is resumed."""

    vlm: Vlm

    def state_dict(self) -> dict[str, Tensor]:
        return adapters.state(self.vlm)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        adapters.put(self.vlm, state, "the training's state")


def order(clip_ids: Sequence[str], seed: int, epoch: int) -> list[int]:
    """Places of the clips in an epoch's order, which depends on seed, epoch and the clips' names alone."""
    return sorted(range(len(clip_ids)), key=lambda place: (loop.hash_seed(seed, epoch, clip_ids[place]), place))


def fit(
    vlm: Vlm, params: TrainParams, train: Sequence[Example], features: Features, state_file: Path, log: Log,
    val: Sequence[Example] = (),
) -> History:  # fmt: skip
    """Train the adapters of ``vlm`` on answers in ``train``; the history, one row an epoch.

    ``loss`` and ``val_loss`` are nats a token of answers. What a former call left in ``state_file`` is continued.

    Raises:
        KinetraceError: an example cannot be used, ``vlm`` has no adapters, or the loss is not finite.
    """
    return Trainer(vlm, params, train, features, state_file, val).fit(log)


@dataclass
class Trainer:
    """One training: data, optimizer, and the state between steps."""

    vlm: Vlm
    params: TrainParams
    train: Sequence[Example]
    features: Features
    state_file: Path
    val: Sequence[Example] = ()
    place: Place = field(default_factory=Place)

    def __post_init__(self) -> None:
        guards.adapted(self.vlm.core)
        self.accelerator = Accelerator()
        self.weights = adapters.trained(self.vlm)
        matrices = nn.ParameterList(self.weights)
        self.optimizer = loop.adamw(matrices, self.params.learning_rate, self.params.weight_decay)
        self.clip_ids = [example.clip_id for example in self.train]
        self.scaler = self._scaler()
        parts: dict[str, loop.Stateful] = {
            "adapters": Adapters(self.vlm), "optimizer": self.optimizer, "scaler": self.scaler, "place": self.place,
        }  # fmt: skip
        self.resume = loop.Resume(self.state_file, parts)

    def _scaler(self) -> torch.amp.GradScaler:
        """Of the loss, where products run in fp16."""
        device = self.vlm.device
        return torch.amp.GradScaler(
            device.type, enabled=compute_dtype(device, self.params.precision) == torch.float16, init_scale=2.0**10
        )

    @property
    def steps_an_epoch(self) -> int:
        return math.ceil(len(self.train) / (self.params.batch * self.params.accumulate))

    def fit(self, log: Log) -> History:
        """Run the missing steps."""
        history = self.resume.load()
        rank, ranks = self.accelerator.process_index, self.accelerator.num_processes
        self.features.fill([*self.train, *self.val][rank::ranks])
        self.accelerator.wait_for_everyone()
        missing = range(self.place.steps, self.params.epochs * self.steps_an_epoch)
        with _training(self.vlm, self.params.activation_checkpointing):
            for step in progress(iter(missing), len(missing), "train"):
                self._step(step)
                self._after(step, history, log)
        return history

    def _after(self, step: int, history: History, log: Log) -> None:
        """Close an epoch that is complete; keep the state where it is due."""
        self.place.steps = step + 1
        complete = self.place.steps % self.steps_an_epoch == 0
        if complete:
            self._close(step // self.steps_an_epoch, history, log)
        if (complete or self.place.steps % self.params.checkpoint_steps == 0) and self.accelerator.is_main_process:
            self.resume.save(history)

    def _close(self, epoch: int, history: History, log: Log) -> None:
        rate_now = float(self.optimizer.param_groups[0]["lr"])
        row = {"epoch": float(epoch), "loss": self.place.nats / self.place.tokens, "learning_rate": rate_now}
        row |= self._validate()
        loop.refuse_broken(row, self.params.learning_rate)
        self.place.nats, self.place.tokens = 0.0, 0
        history.append(row)
        log(epoch, row)
        loop.give_back_memory()

    def _step(self, step: int) -> None:
        """One optimizer step over the mean gradient of the answers' tokens in a group of clips."""
        examples = self._group(step)
        tokens = sum(len(inputs.answer_ids(self.vlm, example.answer)) for example in examples)
        nats = torch.zeros((), device=self.vlm.device)
        for number, some in self._own(loop.grouped(examples, self.params.batch)):
            with loop.seeded(loop.hash_seed(self.params.seed, step, number)):
                found = loss(self.vlm, self.features, some, self.params.precision)
                self.scaler.scale(found / max(tokens, 1)).backward()  # type: ignore[no-untyped-call]
            nats += found.detach()
        self._update(step)
        self.place.nats += float(self.accelerator.reduce(nats, "sum"))
        self.place.tokens += tokens

    def _group(self, step: int) -> list[Example]:
        """The clips of one optimizer step."""
        epoch, group = divmod(step, self.steps_an_epoch)
        size = self.params.batch * self.params.accumulate
        places = order(self.clip_ids, self.params.seed, epoch)
        return [self.train[place] for place in places[group * size : (group + 1) * size]]

    def _own(self, batches: Sequence[Sequence[Example]]) -> Iterator[tuple[int, Sequence[Example]]]:
        """The batches that this process takes, with their numbers."""
        rank, ranks = self.accelerator.process_index, self.accelerator.num_processes
        return ((number, batch) for number, batch in enumerate(batches) if number % ranks == rank)

    def _update(self, step: int) -> None:
        """Follow the gradient, summed over processes."""
        done = (step + 0.5) / (self.params.epochs * self.steps_an_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = self.params.learning_rate * rate(done, self.params.warmup)
        for weight in self.weights:
            own = torch.zeros_like(weight) if weight.grad is None else weight.grad
            weight.grad = self.accelerator.reduce(own, "sum")
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.weights, self.params.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()

    @torch.no_grad()
    def _validate(self) -> dict[str, float]:
        """The loss of unseen answers; nothing where there are none."""
        if not self.val:
            return {}
        tokens = sum(len(inputs.answer_ids(self.vlm, example.answer)) for example in self.val)
        self.vlm.model.eval()
        batches = self._own(loop.grouped(self.val, self.params.batch))
        nats = [loss(self.vlm, self.features, some, self.params.precision) for _, some in batches]
        _train_mode(self.vlm)
        total = torch.stack([torch.zeros((), device=self.vlm.device), *nats]).sum()
        return {"val_loss": float(self.accelerator.reduce(total, "sum")) / tokens}


def loss(vlm: Vlm, features: Features, examples: Sequence[Example], precision: str) -> Tensor:
    """Cross-entropy of the answers' tokens, summed, in nats; no other token's logits are computed."""
    one = inputs.lessons(vlm, examples)
    keep = one.longest_answer + 1
    with autocast(vlm, precision):
        logits_BKV = vlm.core(
            input_ids=one.ids_BL, attention_mask=one.mask_BL, position_ids=inputs.positions(vlm, one),
            mm_encoder_outputs=encoder_outputs(vlm, features.of(examples)), use_cache=False, logits_to_keep=keep,
        ).logits  # fmt: skip
    labels = one.labels_BL[:, 1 - keep :].flatten()
    logits = logits_BKV[:, :-1].float().flatten(0, 1)
    return cross_entropy(logits, labels, ignore_index=inputs.UNLEARNT, reduction="sum")


@contextmanager
def _training(vlm: Vlm, activation_checkpointing: bool) -> Iterator[None]:
    """The model as it learns: with dropout, keeping of its layers' activations only the inputs where asked, and the
    vision tower out of the device's memory, since its features are known."""
    if activation_checkpointing:
        vlm.core.activation_checkpointing_enable()
    vlm.tower.to("cpu")
    _train_mode(vlm)
    try:
        yield
    finally:
        vlm.model.eval()
        vlm.tower.to(vlm.device)
        if activation_checkpointing:
            vlm.core.activation_checkpointing_disable()


def _train_mode(vlm: Vlm) -> None:
    vlm.model.train()
    vlm.tower.eval()
