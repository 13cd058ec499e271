import pytest
import torch

from kinetrace.tokens.data.landmarks import PARTS
from kinetrace.tokens.model.network import PoseTokenizer
from kinetrace.tokens.params import LossParams
from kinetrace.tokens.train import losses
from kinetrace.tokens.train.objective import Objective, PartBatch, Phase
from tests.tokens.clips import random_windows, tokenizer

WEIGHTS = {"position": 1.0, "velocity": 0.5, "commitment": 0.25, "usage": 0.125, "temporal": 2.0}
COUNTS = {"face": 6, "left_hand": 5, "right_hand": 8, "body": 12}
KINDS = ("vq", "fsq", "simvq")


def part_batch(part: str, count: int) -> PartBatch:
    points = PARTS[part].stop - PARTS[part].start
    pairs = torch.arange(max(count - 1, 0))[:, None] + torch.arange(2)
    return PartBatch(random_windows(count, points, seed=1), random_windows(count, points), pairs)


def batch(**counts: int) -> dict[str, PartBatch]:
    return {part: part_batch(part, count) for part, count in (COUNTS | counts).items()}


def objective(phase: Phase = "quantize", weights: dict[str, float] = WEIGHTS, **changes) -> Objective:
    made = Objective(tokenizer(**changes), LossParams(**weights), 5).train()
    made.phase = phase
    return made


def means(made: Objective, values: dict[str, PartBatch]) -> dict[str, float]:
    return {name: value.item() for name, value in made(values).items()}


def test_the_loss_is_the_weighted_sum():
    found = means(objective(), batch())
    total = found.pop("loss")
    assert found.keys() == WEIGHTS.keys() and all(value > 0 for value in found.values())
    assert total == pytest.approx(sum(WEIGHTS[name] * value for name, value in found.items()), rel=1e-5)


def test_each_loss_is_the_mean_over_the_parts():
    made = objective("autoencode")
    values, model = batch(), made.model
    found = means(made, values)
    own = {part: model.positions(part, model.latent(part, values[part].seen)) for part in COUNTS}
    for name in ("position", "velocity"):
        expected = [
            getattr(losses, name)(own[part], values[part].true, model.scaling(part).spread).item() for part in COUNTS
        ]
        assert found[name] == pytest.approx(sum(expected) / 4, rel=1e-5)
    temporal = [
        losses.temporal(own[part], values[part].true, values[part].pairs_E2, 5, model.scaling(part).spread).item()
        for part in COUNTS
    ]
    assert found["temporal"] == pytest.approx(sum(temporal) / 4, rel=1e-5)


def test_while_the_network_warms_up_nothing_is_quantized():
    made = objective("autoencode")
    before = {name: value.clone() for name, value in made.model.state_dict().items()}
    found = made(batch())
    assert found["commitment"] == found["usage"] == 0
    found["loss"].backward()
    assert all(torch.equal(value, before[name]) for name, value in made.model.state_dict().items())
    assert all(weight.grad is not None for weight in made.model.encoder.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_reaches_the_encoder_and_the_codebooks(kind):
    made = objective(model__quantizer__kind=kind)
    before = {name: value.clone() for name, value in made.model.quantizers.state_dict().items()}
    made(batch())["loss"].backward()
    assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in made.model.encoder.parameters())
    learned = list(made.model.quantizers.parameters())
    assert bool(learned) == (kind != "vq") and all(weight.grad.abs().max() > 0 for weight in learned)
    moved = [name for name, value in made.model.quantizers.state_dict().items() if not torch.equal(value, before[name])]
    assert any(name.endswith("codes_KD") for name in moved) == (kind == "vq")


@pytest.mark.parametrize("kind", KINDS)
def test_while_it_settles_codes_stay_and_the_decoder_alone_has_a_gradient(kind):
    made = objective("settle", model__quantizer__kind=kind, model__quantizer__dropout=1.0)
    made.generator = torch.Generator().manual_seed(0)
    before = {name: value.clone() for name, value in made.model.state_dict().items()}
    values, model = batch(), made.model
    found = made(values)
    assert found["commitment"] == found["usage"] == 0
    wanted = []
    for part in COUNTS:
        own, scale = model.decode(part, model.encode(part, values[part].seen)), model.scaling(part)
        wanted.append(losses.position(own, values[part].true, scale.spread).item())
    assert found["position"].item() == pytest.approx(sum(wanted) / 4, rel=1e-5)
    found["loss"].backward()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    reached = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert reached == {
        name for name, _ in model.named_parameters() if name.startswith("decoder.") or "synthesis" in name
    }


def test_without_its_weight_the_temporal_loss_is_not_computed():
    assert "temporal" not in objective(weights=WEIGHTS | {"temporal": 0.0})(batch())


@pytest.mark.parametrize("encoder", ["mlp", "transformer"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_part_without_rows_gives_zero_and_disturbs_no_other(kind, encoder):
    changes = {"model__quantizer__kind": kind, "model__encoder": encoder}
    absent = objective(**changes)
    states = []
    for _ in range(3):
        states.append({name: value.clone() for name, value in absent.model.state_dict().items()})
        found = absent(batch(left_hand=0, face=0))
        found["loss"].backward()
    assert all(torch.isfinite(value) for value in found.values())
    for name, weight in absent.model.named_parameters():
        assert weight.grad is None or torch.isfinite(weight.grad).all(), name
    for name, value in absent.model.state_dict().items():
        assert torch.isfinite(value).all(), name
        if ".left_hand." in name and "codes_KD" in name:
            assert torch.equal(value, states[0][name])
    two = objective(model__parts=["right_hand", "body"], **changes)
    two.model.load_state_dict({name: value for name, value in states[0].items() if name in two.model.state_dict()})
    alone = means(two, batch())
    for name, value in means(objective(**changes), batch(left_hand=0, face=0)).items():
        assert value == pytest.approx(alone[name] / 2, rel=1e-4), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_without_any_row_gives_zero(kind):
    made = objective(model__quantizer__kind=kind)
    found = made(batch(**dict.fromkeys(COUNTS, 0)))
    found["loss"].backward()
    assert {value.item() for value in found.values()} == {0.0}


def test_a_part_that_returns_after_many_steps_without_is_followed_again():
    made = objective()
    made(batch())
    for _ in range(50):
        made(batch(body=0))
    book = made.model.quantizer("body").core.levels[0]
    before = book.codes_KD.clone()
    made(batch())
    assert torch.isfinite(book.codes_KD).all() and not torch.equal(book.codes_KD, before)


def test_the_generator_decides_which_levels_are_dropped():
    def position(seed: int) -> float:
        made = objective(model__quantizer__dropout=1.0)
        made.generator = torch.Generator().manual_seed(seed)
        return means(made, batch())["position"]

    found = [position(seed) for seed in range(4)]
    assert found == [position(seed) for seed in range(4)]
    assert 1 < len(set(found)) <= 2**4  # each part keeps one level or both


def test_positions_are_those_of_the_true_windows():
    made = objective("autoencode")
    values = batch()
    blank = {part: PartBatch(own.seen, own.true, own.pairs_E2) for part, own in values.items()}
    swapped = {part: PartBatch(own.true, own.seen, own.pairs_E2) for part, own in values.items()}
    assert means(made, blank) == means(made, values) != means(made, swapped)


def test_the_model_is_the_objectives_only_state():
    made = objective()
    assert {name.partition(".")[0] for name in made.state_dict()} == {"model"}
    assert isinstance(made.model, PoseTokenizer)
