from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from kinetrace.sign.model import ctc
from kinetrace.sign.model.beams import BEGIN, END, PAD
from kinetrace.sign.model.decoder import Decoder
from kinetrace.sign.model.network import LOG_SCALE_LIMIT
from kinetrace.sign.params import LossParams
from kinetrace.sign.train import losses
from kinetrace.sign.train.objective import Batch, Objective
from kinetrace.sign.train.queue import Memory
from tests.sign.models import TEXT_WIDTH, clip, model, pad
from tests.sign.train.batches import stacked

NAMES = ("bank", "clip", "contrastive", "generation", "ctc")
BANK = torch.randn(4, TEXT_WIDTH, generator=torch.Generator().manual_seed(0))


def weights(**changes: float) -> LossParams:
    usual = {
        "bank": 1.0,
        "clip": 0.5,
        "contrastive": 0.25,
        "generation": 2.0,
        "ctc": 0.75,
        "smoothing": 0.1,
        "queue": 0,
    }
    return LossParams.model_validate(usual | changes)


def batch(clips: int = 3) -> Batch:
    """Two views of each clip, of sentences 0, 1, 2, …"""
    frames, lengths = pad([clip(8 + seed % 3, seed) for seed in range(2 * clips)])
    text = torch.tensor([[BEGIN, 3, 4, END], [BEGIN, 5, END, PAD], [BEGIN, END, PAD, PAD], [BEGIN, 6, 7, END]])
    sentences = torch.arange(clips).repeat(2) % 4
    return stacked(frames, lengths, sentences, text[sentences])


def test_the_loss_is_the_weighted_sum():
    parts = Objective(model(), BANK, weights())(batch())
    expected = (
        parts["bank"]
        + 0.5 * parts["clip"]
        + 0.25 * parts["contrastive"]
        + 2 * parts["generation"]
        + 0.75 * parts["ctc"]
    )
    torch.testing.assert_close(parts["loss"], expected)
    assert set(parts) == {*NAMES, "loss"}


def test_each_loss_gets_what_it_is_about():
    objective, one = Objective(model(), BANK, weights()), batch(5)
    parts, made = objective(one), objective.model
    encoded, texts = made.encode(one.frames_BTF, one.lengths_B), made.project_text(BANK)
    expected = {
        "bank": losses.bank(encoded.embedding_BD, texts, one.sentence_B, made.scale),
        "clip": losses.clip(encoded.embedding_BD, texts[one.sentence_B], one.sentence_B, made.scale),
        "contrastive": losses.contrastive(encoded.embedding_BD, one.sentence_B),
        "generation": losses.generation(
            made.decoder(one.text_BT[:, :-1], encoded.tokens_BNW, encoded.mask_BN), one.text_BT[:, 1:], 0.1
        ),
        "ctc": ctc.loss(made.gloss(encoded.tokens_BNW), encoded.mask_BN, one.gloss_BL, one.glosses_B),
    }
    for name, value in expected.items():
        torch.testing.assert_close(parts[name], value)


@pytest.mark.parametrize("clips", [1, 2, 5])
def test_every_weight_of_the_model_learns(clips):
    objective = Objective(model(), BANK, weights())
    objective(batch(clips))["loss"].backward()
    idle = [name for name, weight in objective.model.named_parameters() if weight.grad is None]
    assert not idle
    assert all(weight.grad.isfinite().all() for weight in objective.parameters())


@pytest.mark.parametrize(
    ("only", "silent"), [("generation", "head.2.weight"), ("bank", "decoder.embed.weight"), ("ctc", "pool.motion")]
)
def test_a_loss_of_weight_zero_teaches_nothing(only, silent):
    objective = Objective(model(), BANK, weights(**{name: float(name == only) for name in NAMES}))
    parts = objective(batch())
    parts["loss"].backward()
    assert set(parts) == {only, "loss"}
    assert dict(objective.model.named_parameters())[silent].grad is None


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_of_weight_zero_is_not_even_computed(monkeypatch, name):
    def refuse(*arguments, **named):
        raise AssertionError(name)

    monkeypatch.setattr(ctc, "loss", refuse) if name == "ctc" else monkeypatch.setattr(losses, name, refuse)
    monkeypatch.setattr(Decoder, "forward", refuse if name == "generation" else Decoder.forward)
    parts = Objective(model(), BANK, weights(**{name: 0.0}))(batch())
    assert set(parts) == {*NAMES, "loss"} - {name}
    with pytest.raises(AssertionError, match=name):
        Objective(model(), BANK, weights())(batch())


def test_a_model_without_glosses_leaves_their_loss_out():
    parts = Objective(model(glosses=0), BANK, weights())(batch())
    assert set(parts) == {*NAMES, "loss"} - {"ctc"}


def test_a_step_of_descent_lowers_the_loss():
    objective, one = Objective(model(dropout=0.0), BANK, weights()), batch()
    optimizer = torch.optim.AdamW(objective.parameters(), 1e-3)
    values = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = objective(one)["loss"]
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    assert values == sorted(values, reverse=True)


def test_the_decoder_never_reads_the_token_that_it_predicts():
    """A sentence's last token is only a target: what is said before it does not depend on it."""
    objective, one = Objective(model(), BANK, weights(smoothing=0.0)), batch(1)
    seen = []
    objective.model.decoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    objective(one)
    assert seen[0].tolist() == [[BEGIN, 3, 4]] * 2


def test_the_bank_is_no_part_of_the_weights():
    assert not any("anchor_AE" in name for name in Objective(model(), BANK, weights()).state_dict())


def test_the_loss_over_the_bank_never_sees_the_rows_of_single_wordings():
    one, plain = batch(), Objective(model(), BANK[:3], weights(clip=0.0))
    wordings = Objective(model(), BANK, weights(clip=0.0), sentences=3)
    torch.testing.assert_close(wordings(one), plain(one))
    with_a_fourth_sentence = Objective(model(), BANK, weights(clip=0.0))(one)
    assert with_a_fourth_sentence["bank"] > plain(one)["bank"]


def test_clips_are_compared_with_the_wording_that_they_stand_for():
    one = batch()
    other = replace(one, anchor_B=torch.tensor([3, 1, 2, 3, 1, 2]))
    objective = Objective(model(), BANK, weights(), sentences=3)
    first, second = objective(one), objective(other)
    assert first["clip"] != second["clip"]
    assert all(first[name] == second[name] for name in ("bank", "contrastive", "generation", "ctc"))
    encoded, texts = model().encode(one.frames_BTF, one.lengths_B), model().project_text(BANK)
    expected = losses.clip(encoded.embedding_BD, texts[other.anchor_B], one.sentence_B, model().scale)
    torch.testing.assert_close(second["clip"], expected)


def test_a_training_batch_is_compared_with_those_before_it():
    objective = Objective(model(dropout=0.0), BANK, weights(queue=8)).train()
    first, second = objective(batch(3)), objective(batch(3))
    assert second["contrastive"] != first["contrastive"] and second["clip"] != first["clip"]
    assert second["bank"] == first["bank"]
    embedding = model(dropout=0.0).train().encode(batch(3).frames_BTF, batch(3).lengths_B).embedding_BD
    memory = Memory(embedding, model().project_text(BANK)[batch(3).sentence_B], batch(3).sentence_B)
    torch.testing.assert_close(second["contrastive"], losses.contrastive(embedding, batch(3).sentence_B, memory=memory))


def test_an_evaluation_remembers_nothing():
    objective = Objective(model(), BANK, weights(queue=8)).eval()
    assert objective(batch())["loss"] == objective(batch())["loss"]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_leaves_the_losses_of_retrieval_in_full(dtype):
    objective, one = Objective(model(), BANK, weights()), batch()
    objective.model.log_scale.data.fill_(LOG_SCALE_LIMIT)
    with torch.autocast("cpu", dtype):
        encoded = objective.model.encode(one.frames_BTF, one.lengths_B)
        found = objective(one)
    points = objective.points(encoded.embedding_BD)
    expected = objective.retrieval(points, one.sentence_B, one.anchor_B)
    assert all(found[name] == value for name, value in expected.items())
    assert {value.dtype for value in points.values()} == {torch.float32}


def test_at_its_limit_the_scale_still_learns():
    """Gradients end only beyond the limit, where the trainer never leaves it."""
    one = model()
    one.log_scale.data.fill_(LOG_SCALE_LIMIT)
    one.scale.backward()
    assert one.log_scale.grad == pytest.approx(100, rel=1e-5)


def test_without_any_weight_there_is_nothing_to_train():
    with pytest.raises(ValidationError, match="every loss has weight 0: give one a weight"):
        weights(**dict.fromkeys(NAMES, 0.0))


def test_a_batch_moves_in_whole():
    moved = batch().to(torch.device("meta"))
    assert {tensor.device.type for tensor in vars(moved).values()} == {"meta"}
    assert moved.frames_BTF.shape == batch().frames_BTF.shape
