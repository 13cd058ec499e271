"""What training operations takes on a card, by the shipped parameters and by others."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinetrace import params as reading
from kinetrace.errors import KinetraceError
from kinetrace.operations import plan as planning
from kinetrace.operations.params import OperationsParams
from kinetrace.operations.plan import plan, tokens
from kinetrace.plan.cards import card
from kinetrace.plan.memory import Memory
from kinetrace.plan.planned import EFFICIENCY

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = reading.load(ROOT / "params.yaml", "operations", OperationsParams)
SMALL = "Qwen/Qwen3-VL-2B-Instruct"


def vlm(**changes) -> OperationsParams:
    """The shipped parameters with the vision-language model; each change in the first section that has its name."""
    train = {"batch": 2, "accumulate": 8, "precision": "fp16", "activation_checkpointing": True, "epochs": 2}
    values = SHIPPED.model_dump(by_alias=True)
    values["model"]["kind"] = "vlm"
    sections = (values["train"], values["model"]["vlm"], values["model"]["sampler"])
    for name, value in ({"frames": 8} | train | changes).items():
        next(section for section in sections if name in section)[name] = value
    return OperationsParams.model_validate(values)


def table(**counts: int) -> pd.DataFrame:
    labels = np.repeat([name.replace("_", " ") for name in counts], list(counts.values()))
    return pd.DataFrame({"label": labels})


def test_the_three_billion_model_trains_in_batches_of_two_on_a_t4():
    found = plan(vlm(), None, card("t4"))
    assert found.fits and found.largest >= 2
    assert found.memory.peak < 8e9
    assert found.model == "Qwen/Qwen2.5-VL-3B-Instruct"


def test_a_laptop_refuses_the_three_billion_model_and_says_what_fits():
    found = plan(vlm(frames=20), None, card("rtx3050"))
    assert not found.fits and found.largest == 0
    assert found.changes == [f"model.vlm.name: {SMALL}, with train.batch: 1", "model.kind: tcn"]
    assert "not even a batch of 1 fits" in found.refusal() and SMALL in found.refusal()


def test_what_a_refusal_names_fits():
    smaller = vlm(frames=20, name=SMALL, batch=1)
    assert plan(smaller, None, card("rtx3050")).fits
    assert plan(SHIPPED, None, card("rtx3050")).fits


def test_a_batch_too_large_is_told_the_largest():
    found = plan(vlm(batch=64), None, card("t4"))
    assert not found.fits and found.changes == [f"train.batch: {found.largest} or less"]
    assert plan(vlm(batch=found.largest), None, card("t4")).fits
    assert not plan(vlm(batch=found.largest + 1), None, card("t4")).fits


@pytest.mark.parametrize("memory", ["1.5GB", "2.2GB", "2.6GB", "3GB", "3.5GB", "4GB", "5GB", "6GB", "8GB"])
def test_every_change_that_is_named_alone_helps(memory):
    costly = {"quantization": "no", "activation_checkpointing": False, "frames": 20, "batch": 1}
    found = plan(vlm(**costly), None, card(memory))
    assert not found.fits
    for change in found.changes:
        key, _, value = change.partition(", with")[0].partition(": ")
        if key == "model.kind":
            assert plan(SHIPPED.model_copy(update={"train": vlm().train.model_copy(update={"batch": 1})}), None,
                        card(memory)).fits  # fmt: skip
        elif not key.startswith("all of these"):
            fitting = {"nf4": "nf4", "true": True, "8": 8}.get(value, value)
            assert plan(vlm(**costly | {key.rpartition(".")[2]: fitting}), None, card(memory)).fits


def test_all_changes_together_are_named_where_none_helps_alone():
    found = plan(vlm(quantization="no", activation_checkpointing=False, frames=20), None, card("rtx3050"))
    assert found.changes[0].startswith("all of these, with train.batch: 1: model.vlm.quantization: nf4; train.act")
    assert plan(vlm(name=SMALL, batch=1), None, card("rtx3050")).fits


def test_a_card_too_small_for_anything_is_told_so():
    found = plan(vlm(), None, card("400MB"))
    assert not found.changes
    assert "take a card with more memory" in found.refusal()


def test_steps_are_those_of_the_clips_at_hand_without_null():
    found = plan(vlm(), table(Picking=40, Close_Box=9, Null=30), card("t4"))
    assert (found.work.clips, found.work.assumed, found.work.steps) == (49, False, 2 * 4)  # 16 clips a step
    assert plan(vlm(), None, card("t4")).work.assumed


def test_hours_follow_from_operations_and_speed_and_are_called_an_estimate():
    found = plan(vlm(), table(Picking=160), card("t4"))
    step, whole = found.work.seconds(found.card)
    assert step == pytest.approx(found.work.step / (65e12 * EFFICIENCY))
    assert whole > 20 * step  # vision features come first
    assert "an estimate" in found.as_text() and "not measured" in found.as_text()
    assert found.as_dict()["hours"] == pytest.approx(whole / 3600)


def test_a_card_of_bytes_has_no_hours():
    found = plan(vlm(), None, card("16GB"))
    assert found.as_dict()["hours"] is None and "the card's speed is unknown" in found.as_text()


def test_the_small_network_is_small_and_grows_with_its_pictures():
    found = plan(SHIPPED, None, card("rtx3050"))
    assert found.fits and found.memory.peak < 2e9 and found.largest > SHIPPED.train.batch
    larger = SHIPPED.model.model_copy(update={"tcn": SHIPPED.model.tcn.model_copy(update={"pixels": 192})})
    assert plan(SHIPPED.model_copy(update={"model": larger}), None, card("rtx3050")).largest < found.largest


def test_parts_are_named_and_sum_to_the_peak():
    found = plan(vlm(), None, card("t4"))
    names = " ".join(part.name for part in found.memory.rows())
    for part in ("NF4", "embeddings", "vision tower", "cached vision features", "adapters", "gradients", "optimizer",
                 "activations", "logits", "driver"):  # fmt: skip
        assert part in names
    assert isinstance(found.memory, Memory) and sum(found.memory.phases.values()) > found.memory.allocated


def test_a_model_of_which_nothing_is_known_is_refused():
    with pytest.raises(KinetraceError, match="no figures for a/b"):
        plan(vlm(name="a/b"), None, card("t4"))


@pytest.mark.parametrize(("text", "count"), [
    ("", 0), ("Picking", 1), ("<1.5 seconds>", 6), ("Relocate Item Label", 3), ("Attachment", 2), ('"a": 10.5,', 8),
])  # fmt: skip
def test_tokens_are_words_digits_and_marks(text, count):
    assert tokens(text) == count


def test_a_longer_vocabulary_makes_a_longer_question():
    spec = planning.Spec.named(SMALL)
    lengths = [planning.shape(vlm(), tuple(f"Step {n}" for n in range(count)), spec).text for count in (2, 20)]
    assert lengths[0] < lengths[1]


def test_cells_are_those_of_the_models_family():
    sizes = [planning.shape(vlm(frames=7), ("Picking",), planning.Spec.named(name)).vision
             for name in ("Qwen/Qwen2.5-VL-3B-Instruct", SMALL)]  # fmt: skip
    assert sizes == [4 * 12**2, 4 * 10**2]  # cells of 28 and of 32 pixels, seven frames in four pairs
