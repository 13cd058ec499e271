import pytest
import torch

from kinetrace.operations.model.geometry import Geometry
from kinetrace.operations.model.tcn import OperationsNet, Said
from tests.operations.small import few, seen, untrained
from tests.operations.squares import LABELS, params

HEADS = ("operation_BK", "frames_BTK", "next_BK", "inside_BTK", "start_BTK", "end_BTK")
NEAR = {"atol": 1e-5, "rtol": 0}


@torch.no_grad()
def said(model: OperationsNet, *clips: int, **changes) -> Said:
    looks = seen(*clips, **changes)
    return model(looks.frames_BnPP3, looks.times_Bn, looks.present_BN)


def close(one: Said, other: Said, **tolerance: float) -> None:
    for name in HEADS:
        torch.testing.assert_close(getattr(one, name), getattr(other, name), **tolerance or NEAR)


def test_probabilities_of_operation_moments_and_next_sum_to_1():
    model = untrained().model
    found = said(model, 0, 1, 2)
    assert found.operation_BK.shape == found.next_BK.shape == (3, len(LABELS))
    assert found.frames_BTK.shape == found.inside_BTK.shape == found.start_BTK.shape == (3, 15, len(LABELS))
    for name in ("operation_BK", "frames_BTK", "next_BK"):
        total = getattr(found, name).exp().sum(-1)
        torch.testing.assert_close(total, torch.ones_like(total), **NEAR)


def test_spans_run_forward_and_their_probabilities_sum_to_1():
    found = said(untrained().model, 0, 1)
    spans = found.spans(torch.tensor([0, 2])).exp()
    torch.testing.assert_close(spans.sum((1, 2)), torch.ones(2), **NEAR)
    assert (spans.tril(-1) == 0).all() and (spans.triu() >= 0).all()


def test_a_span_scores_its_ends_and_all_between_them():
    inside, start, end = (torch.randn(1, 4, 2, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2, 3))
    none = torch.zeros(1, 2)
    spans = Said(none, none, none, inside, start, end).spans(torch.tensor([1]))
    score = {
        (i, j): (start[0, i, 1] + inside[0, i : j + 1, 1].sum() + end[0, j, 1]).item()
        for i in range(4) for j in range(i, 4)
    }  # fmt: skip
    total = torch.tensor(list(score.values())).logsumexp(0)
    for (i, j), value in score.items():
        assert spans[0, i, j].item() == pytest.approx(value - total.item(), abs=1e-5)


def test_clips_do_not_depend_on_what_they_are_batched_with():
    model, first = untrained().model, int(few().clips.context.argmin())
    together, alone = said(model, 3, first, 5), said(model, first)
    close(Said(*(getattr(together, name)[1:2] for name in HEADS)), alone)


@torch.no_grad()
def test_context_that_is_not_there_changes_nothing():
    """A grid without context gives the same as one whose context is masked."""
    checkpoint = untrained()
    whole = checkpoint.model
    short = OperationsNet(checkpoint.params.tcn, Geometry(5.0, 3.0, 0.0), len(LABELS)).eval()
    short.load_state_dict(whole.state_dict())
    looks = seen(int(few().clips.context.argmin()))
    assert looks.present_BN.tolist() == [[False] * 5 + [True] * 15]
    padded = whole(looks.frames_BnPP3, looks.times_Bn, looks.present_BN)
    close(padded, short(looks.frames_BnPP3, looks.times_Bn, looks.present_BN[:, 5:]))


@torch.no_grad()
def test_context_that_is_there_is_used():
    model, looks = untrained().model, seen(int(few().clips.context.argmax()))
    found = model(looks.frames_BnPP3, looks.times_Bn, looks.present_BN)
    hidden = model(looks.frames_BnPP3, looks.times_Bn, looks.present_BN & (model.times_N >= 0))
    assert not torch.allclose(found.frames_BTK[:, 0], hidden.frames_BTK[:, 0], atol=1e-4)


@torch.no_grad()
def test_each_moment_sees_the_frame_that_is_nearest():
    model = untrained(model__tcn__depth=1).model
    times = torch.tensor([[-0.8, 0.5, 2.0]])
    seen_by = []
    features = torch.eye(3, params().model.tcn.width)[None] * 10
    for place in range(3):
        changed = features.clone()
        changed[0, place] += 1
        model.blocks = torch.nn.ModuleList()
        present = torch.ones(1, 20, dtype=torch.bool)
        difference = model._temporal(changed, times, present) - model._temporal(features, times, present)
        seen_by.append(difference[0].abs().amax(-1) > 1e-6)
    nearest = (model.times_N[:, None] - times[0]).abs().argmin(1)
    assert (torch.stack(seen_by).int().argmax(0) == nearest).all()
    assert torch.stack(seen_by).sum(0).eq(1).all()


def test_any_number_of_frames_is_taken():
    model = untrained().model
    for frames in (2, 5, 15):
        assert said(model, 0, 1, model__sampler__frames=frames).operation_BK.shape == (2, len(LABELS))


@torch.no_grad()
def test_what_follows_is_weighed_by_what_the_operation_may_be():
    model = untrained().model
    torch.nn.init.zeros_(model.scene[-1].weight)
    torch.nn.init.zeros_(model.scene[-1].bias)
    model.follows.copy_(torch.tensor([[0.0, 50, 0], [0, 0, 50], [50, 0, 0]]))
    found = said(model, 0, 1, 2)
    torch.testing.assert_close(found.next_BK.exp(), found.operation_BK.exp().roll(1, 1), **NEAR)


def test_every_weight_learns():
    model, looks = untrained().model.train(), seen(0, 1, 2)
    found = model(looks.frames_BnPP3, looks.times_Bn, looks.present_BN)
    spans = found.spans(torch.tensor([0, 1, 2]))
    loss = found.operation_BK[:, 0] + found.frames_BTK[:, 0, 0] + found.next_BK[:, 0] + spans[:, 0, 3]
    loss.sum().backward()
    silent = [name for name, weights in model.named_parameters() if weights.grad is None or not weights.grad.any()]
    assert silent == []
