import json
from dataclasses import replace

import pytest
import torch

from kinetrace.errors import KinetraceError
from kinetrace.tokens.model.checkpoint import Checkpoint
from tests.tokens.clips import random_windows, tokenizer
from tests.tokens.settings import params
from tests.workspaces import tree

PARTS = ["right_hand", "face"]  # not in the order of their names


def checkpoint(**changes) -> Checkpoint:
    changes = {"model__quantizer__levels": 2, "model__parts": PARTS} | changes
    return Checkpoint(tokenizer(**changes), params(**changes).model, dict.fromkeys(PARTS, 16))


@pytest.mark.parametrize(
    "changes",
    [{"model__encoder": "transformer", "model__pooling": "attention"}, {"model__quantizer__kind": "fsq"},
     {"model__quantizer__kind": "simvq"}, {}],
)  # fmt: skip
@torch.inference_mode()
def test_what_is_loaded_answers_bit_for_bit_as_what_was_saved(tmp_path, changes):
    saved = checkpoint(**changes)
    saved.save(tmp_path / "checkpoint")
    loaded = Checkpoint.load(tmp_path / "checkpoint")
    state = saved.model.state_dict()
    assert state.keys() == loaded.model.state_dict().keys()
    assert all(torch.equal(value, state[name]) for name, value in loaded.model.state_dict().items())
    windows = random_windows(20, 21)
    assert torch.equal(loaded.model.latent("right_hand", windows), saved.model.latent("right_hand", windows))
    assert torch.equal(loaded.model.encode("right_hand", windows), saved.model.encode("right_hand", windows))
    assert replace(loaded, model=saved.model) == saved
    assert loaded.model.parts == list(loaded.codes) == PARTS and not loaded.model.training


def test_the_same_weights_are_the_same_bytes(tmp_path):
    checkpoint().save(tmp_path / "first")
    Checkpoint.load(tmp_path / "first").save(tmp_path / "second")
    assert tree(tmp_path / "first") == tree(tmp_path / "second")
    changed = checkpoint()
    changed.model.get_buffer("mean_face")[0, 0] += 1e-6
    changed.save(tmp_path / "second")
    assert tree(tmp_path / "first") != tree(tmp_path / "second")


def test_a_missing_checkpoint_names_the_stage(tmp_path):
    with pytest.raises(KinetraceError, match=r"nowhere holds no checkpoint .*: run the stage train"):
        Checkpoint.load(tmp_path / "nowhere")


def edited(tmp_path, **changes):
    checkpoint().save(tmp_path / "checkpoint")
    path = tmp_path / "checkpoint" / "config.json"
    config = json.loads(path.read_text())
    config["model"] |= changes.pop("model", {})
    path.write_text(json.dumps(config | changes))
    return tmp_path / "checkpoint"


@pytest.mark.parametrize(
    "changes, named",
    [
        ({"model": {"width": 64}}, "size mismatch"),
        ({"model": {"new_option": 1}}, "new_option"),
        ({"model": {"parts": ["right_hand", "face", "body"]}}, "body"),
        ({"codes": {"right_hand": 16, "face": 8}}, "size mismatch for quantizers.face"),
    ],
)
def test_a_checkpoint_that_does_not_fit_says_so(tmp_path, changes, named):
    with pytest.raises(KinetraceError, match=rf"run the stage train again \(.*{named}"):
        Checkpoint.load(edited(tmp_path, **changes))
