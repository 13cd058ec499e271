"""The large batch that gradient caching stands for, here as it would be without: everything in memory at once."""

import math
import weakref
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch.autograd.graph import saved_tensors_hooks

from kinetrace import loop, params
from kinetrace.sign.model import ctc
from kinetrace.sign.model.beams import BEGIN, END, PAD
from kinetrace.sign.model.network import SignModel
from kinetrace.sign.params import SignParams
from kinetrace.sign.train.caching import cached
from kinetrace.sign.train.objective import Batch, Objective, Points
from tests.checkouts import ROOT
from tests.sign.models import TEXT_WIDTH, clip, model, pad
from tests.sign.train.batches import stacked
from tests.sign.train.test_objective import weights

BANK = torch.randn(5, TEXT_WIDTH, generator=torch.Generator().manual_seed(0))
TEXT = torch.tensor([[BEGIN, 3, 4, END], [BEGIN, 5, END, PAD], [BEGIN, 7, END, PAD], [BEGIN, 6, 7, END]])


@pytest.fixture(autouse=True, scope="module")
def on_the_cpu():
    """Accelerate allows one device a process."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


def batch(sentences: Sequence[int], seed: int = 0, frames: int = 8) -> Batch:
    """Two views a clip."""
    clips = [clip(frames + number % 3, 100 * seed + number) for number in range(2 * len(sentences))]
    rows = torch.tensor(sentences).repeat(2)
    return stacked(*pad(clips), rows, TEXT[rows])


BATCHES = [batch([0, 1, 1], 1), batch([2, 0, 3, 3], 2), batch([1], 3)]


def objective(**changes) -> Objective:
    """In training mode with dropout; the fifth text is a wording of the second sentence."""
    loss = {name: value for name, value in changes.items() if name in weights().model_fields_set}
    other = {name: value for name, value in changes.items() if name not in loss}
    return Objective(model(**{"dropout": 0.3} | other), BANK, weights(**loss), sentences=4).train()


def gradients(one: Objective) -> dict[str, torch.Tensor]:
    return {
        name: torch.zeros_like(weight) if weight.grad is None else weight.grad
        for name, weight in one.named_parameters()
    }


def by_caching(one: Objective, batches: Sequence[Batch], seed: int = 3) -> dict[str, torch.Tensor]:
    with loop.seeded(seed):
        return cached(Accelerator(cpu=True), one, batches)


def at_once(one: Objective, batches: Sequence[Batch], seed: int = 3) -> dict[str, torch.Tensor]:
    """Each batch encoded with its own dropout, then every loss over all clips, and one backward pass."""
    with loop.seeded(seed):
        seeds = torch.randint(2**62, (len(batches),)).tolist()
    embeddings, tokens, alignments = [], [], []
    for part, own in zip(batches, seeds, strict=True):
        with loop.seeded(own):
            encoded = one.model.encode(part.frames_BTF, part.lengths_B)
            embeddings.append(encoded.embedding_BD)
            aligned = ctc.loss(one.model.gloss(encoded.tokens_BNW), encoded.mask_BN, part.gloss_BL, part.glosses_B)
            alignments.append(aligned * len(part.glosses_B))
            logits = one.model.decoder(part.text_BT[:, :-1], encoded.tokens_BNW, encoded.mask_BN)
            tokens.append((logits.flatten(0, 1), part.text_BT[:, 1:].flatten()))
    sentences, anchors = (torch.cat([getattr(part, name) for part in batches]) for name in ("sentence_B", "anchor_B"))
    parts = one.retrieval(one.points(torch.cat(embeddings)), sentences, anchors)
    if one.weights.generation:
        logits, targets = (torch.cat(side) for side in zip(*tokens, strict=True))
        smoothing = one.weights.smoothing
        parts["generation"] = torch.nn.functional.cross_entropy(
            logits, targets, ignore_index=PAD, label_smoothing=smoothing
        )
    if one.weights.ctc:
        parts["ctc"] = torch.stack(alignments).sum() / sum(len(part.glosses_B) for part in batches)
    parts["loss"] = one.total(parts)
    parts["loss"].backward()
    return parts


WEIGHTS = [
    {},
    {"queue": 6},
    {"clip": 0.0, "contrastive": 0.0},
    {"bank": 0.0, "clip": 0.0, "contrastive": 0.0},
    {"generation": 0.0},
    {"ctc": 0.0},
    {"encoder": "gru"},
    {"encoder": "transformer"},
    {"recompute": True},
]


@pytest.mark.parametrize("changes", WEIGHTS, ids=str)
def test_gradients_and_losses_are_those_of_the_large_batch(changes):
    cache, plain = objective(**changes), objective(**changes)
    varied = [replace(part, anchor_B=torch.where(part.anchor_B == 1, 4, part.anchor_B)) for part in BATCHES]
    for step in range(2):  # in the second the queue is full
        found, expected = by_caching(cache, varied, step), at_once(plain, varied, step)
        torch.testing.assert_close(found, {name: value.detach() for name, value in expected.items()})
        torch.testing.assert_close(gradients(cache), gradients(plain), atol=1e-5, rtol=1e-5)
    if "bank" not in changes:
        assert gradients(cache)["model.log_scale"].abs() > 1e-3
        assert gradients(cache)["model.text.weight"].abs().max() > 1e-3


def test_dropout_is_on_and_drawn_anew_for_each_batch_and_step():
    first, again, other, quiet = (objective(**changes) for changes in ({}, {}, {}, {"dropout": 0.0}))
    twice = [BATCHES[0], BATCHES[0]]
    losses = [by_caching(one, twice, seed)["loss"] for one, seed in ((first, 3), (again, 3), (other, 4), (quiet, 3))]
    assert losses[0] == losses[1]
    assert len(set(map(float, losses))) == 3
    points = []
    one = objective()
    one.retrieval = lambda found, *rows: points.append(found) or Objective.retrieval(one, found, *rows)
    by_caching(one, twice)
    halves = points[0].embedding_BD.split(6)
    assert not torch.equal(*halves)


def test_one_large_batch_teaches_more_than_the_mean_of_its_parts():
    """The clips of different batches are compared: otherwise this would be accumulation at twice the cost."""
    whole, parts = objective(dropout=0.0), objective(dropout=0.0)
    by_caching(whole, BATCHES)
    loop.accumulated(Accelerator(cpu=True), parts, BATCHES, len(BATCHES))
    assert (gradients(whole)["model.head.2.weight"] - gradients(parts)["model.head.2.weight"]).abs().max() > 1e-3


def test_the_order_of_the_batches_does_not_matter():
    one, other = objective(dropout=0.0), objective(dropout=0.0)
    by_caching(one, BATCHES)
    by_caching(other, BATCHES[::-1])
    torch.testing.assert_close(gradients(one), gradients(other), atol=1e-5, rtol=1e-5)


def test_torchs_generator_goes_on_as_if_only_seeds_had_been_drawn():
    torch.manual_seed(5)
    cached(Accelerator(cpu=True), objective(), BATCHES)
    found = torch.rand(1)
    torch.manual_seed(5)
    torch.randint(2**62, (len(BATCHES),))
    assert torch.equal(torch.rand(1), found)


def test_the_dot_product_with_a_gradient_has_that_gradient():
    points = Points(*(torch.randn(shape, requires_grad=True) for shape in ((3, 2), (4, 2), ())))
    gradient = Points(*(torch.randn_like(value) for value in points.values()))
    points.dot(gradient).backward()
    for value, slope in zip(points.values(), gradient.values(), strict=True):
        torch.testing.assert_close(value.grad, slope)


class Peak:
    """The most bytes that autograd keeps for backward at any time, while this is a context."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def _keep(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        class Box(list):
            pass

        size = tensor.numel() * tensor.element_size()
        self.now += size
        self.most = max(self.most, self.now)
        box = Box([tensor.detach()])  # an output that its own node keeps would keep both
        weakref.finalize(box, self._drop, size)
        return box

    def _drop(self, size: int) -> None:
        self.now -= size

    def __enter__(self) -> "Peak":
        self._hooks = saved_tensors_hooks(self._keep, lambda box: box[0])
        self._hooks.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._hooks.__exit__(*error)


def peak(work: Callable[[], object]) -> int:
    with Peak() as found:
        work()
    assert found.now == 0
    return found.most


def test_activations_live_for_one_batch_at_a_time():
    one = batch([0, 1, 2, 3], frames=60)
    single = peak(lambda: by_caching(objective(), [one]))
    assert peak(lambda: by_caching(objective(), [one] * 6)) < 1.02 * single
    assert peak(lambda: at_once(objective(), [one] * 6)) > 5 * single


CARD, CLIPS, SENTENCES, VOCABULARY = 4e9, 512, 200, 500


def shipped() -> SignParams:
    return SignParams.model_validate(params.read(ROOT / "params.yaml")["sign"])


def real(values: SignParams, encoder: str) -> Objective:
    made = values.model.model_copy(update={"encoder": encoder})
    network = SignModel(made, np.zeros(540), np.ones(540), 384, VOCABULARY)
    return Objective(network, torch.randn(SENTENCES, 384), values.loss).train()


def longest(values: SignParams, views: int) -> Batch:
    """As many frames and tokens as a view and a sentence can have."""
    frames = math.ceil(values.model.max_frames / (1 - values.augment.warp) / 2)
    rows = torch.arange(views) % SENTENCES
    text = torch.full((views, values.model.max_tokens + 1), END + 1)
    return stacked(torch.rand(views, frames, 540), torch.full((views,), frames), rows, text)


@pytest.mark.parametrize("encoder", ["conv", "gru", "transformer"])
def test_an_effective_batch_of_512_clips_fits_a_card_of_4_gb(encoder):
    """With the shipped sizes: what autograd keeps for a batch and for the comparison of all, and the weights' states.

    Half of the card is left for what a layer needs while it is computed, and for CUDA itself.
    """
    values = shipped()
    one, views = real(values, encoder), 2 * CLIPS
    a_view = (peak(lambda: one(longest(values, 4))) - peak(lambda: one(longest(values, 2)))) / 2
    points = Points(*(value.detach().requires_grad_() for value in one.points(torch.rand(views, 256)).values()))
    rows = torch.arange(views) % SENTENCES
    compared = peak(lambda: one.retrieval(points, rows, rows))
    states = 5 * sum(4 * weight.numel() for weight in one.parameters())  # gradient, two moments, average
    together = 2 * values.train.labels_per_batch * values.train.clips_per_label
    assert together * a_view + compared + states < CARD / 2
    assert views * a_view > CARD  # without caching the activations alone are more
