import pytest
import torch

from kinetrace.sign.model.decoder import BEGIN, END, PAD
from kinetrace.sign.params import LossParams
from kinetrace.sign.train import losses
from kinetrace.sign.train.objective import Batch, Objective
from tests.sign.models import TEXT_WIDTH, clip, model, pad

NAMES = ("bank", "clip", "contrastive", "generation")
BANK = torch.randn(4, TEXT_WIDTH, generator=torch.Generator().manual_seed(0))


def weights(**changes: float) -> LossParams:
    return LossParams(
        **({"bank": 1.0, "clip": 0.5, "contrastive": 0.25, "generation": 2.0, "smoothing": 0.1} | changes)
    )


def batch(clips: int = 3) -> Batch:
    """Two views of each clip, of sentences 0, 1, 2, …"""
    frames, lengths = pad([clip(8 + seed % 3, seed) for seed in range(2 * clips)])
    text = torch.tensor([[BEGIN, 3, 4, END], [BEGIN, 5, END, PAD], [BEGIN, END, PAD, PAD], [BEGIN, 6, 7, END]])
    sentences = torch.arange(clips).repeat(2) % 4
    return Batch(frames, lengths, sentences, text[sentences])


def test_the_loss_is_the_weighted_sum():
    parts = Objective(model(), BANK, weights())(batch())
    expected = parts["bank"] + 0.5 * parts["clip"] + 0.25 * parts["contrastive"] + 2 * parts["generation"]
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


@pytest.mark.parametrize(("only", "silent"), [("generation", "head.2.weight"), ("bank", "decoder.embed.weight")])
def test_a_loss_of_weight_zero_teaches_nothing(only, silent):
    objective = Objective(model(), BANK, weights(**{name: float(name == only) for name in NAMES}))
    objective(batch())["loss"].backward()
    assert not dict(objective.model.named_parameters())[silent].grad.any()


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
    assert not any("bank" in name for name in Objective(model(), BANK, weights()).state_dict())


def test_a_batch_moves_in_whole():
    moved = batch().to(torch.device("meta"))
    assert {tensor.device.type for tensor in vars(moved).values()} == {"meta"}
    assert moved.frames_BTF.shape == batch().frames_BTF.shape
