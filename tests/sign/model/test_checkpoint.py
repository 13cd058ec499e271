from dataclasses import replace

import pytest
import torch

from kinetrace.errors import KinetraceError
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.model.ctc import Words
from kinetrace.sign.model.encoders import ENCODERS
from kinetrace.sign.model.text import Vocabulary
from tests.sign.models import TEXT_WIDTH, clip, model, pad, params
from tests.workspaces import tree

GLOSSES = Words(("<blank>", "a", "手"))
PIECES = ("<pad>", "<begin>", "<end>", "##й", "a", "b", "where", "ü", "手")


def checkpoint(**changes) -> Checkpoint:
    bank = torch.randn(2, TEXT_WIDTH, generator=torch.Generator().manual_seed(0))
    made, vocabulary = model(glosses=GLOSSES.classes, **changes), Vocabulary(PIECES, "minilm")
    return Checkpoint(made, params(**changes), vocabulary, ["a b", "手 ü"], [7, 3], bank, GLOSSES)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_what_is_loaded_answers_bit_for_bit_as_what_was_saved(tmp_path, encoder):
    saved = checkpoint(encoder=encoder, parts=["pose", "right_hand"])
    saved.save(tmp_path / "checkpoint")
    loaded = Checkpoint.load(tmp_path / "checkpoint")
    batch = pad([clip(20), clip(9, seed=1)])
    with torch.inference_mode():
        for found, expected in zip(loaded.model(*batch), saved.model(*batch), strict=True):
            assert torch.equal(found, expected)
        assert torch.equal(loaded.model.project_text(loaded.bank_LE), saved.model.project_text(saved.bank_LE))
    assert replace(loaded, model=saved.model, bank_LE=saved.bank_LE) == saved
    assert not loaded.model.training


def test_the_same_weights_are_the_same_bytes(tmp_path):
    first = checkpoint()
    first.save(tmp_path / "first")
    checkpoint().save(tmp_path / "second")
    Checkpoint.load(tmp_path / "first").save(tmp_path / "third")
    assert tree(tmp_path / "first") == tree(tmp_path / "second") == tree(tmp_path / "third")
    assert set(tree(tmp_path / "first")) == {"config.json", "model.safetensors"}
    with torch.no_grad():
        first.model.log_scale += 1e-6
    first.save(tmp_path / "second")
    assert tree(tmp_path / "first") != tree(tmp_path / "second")


def test_a_checkpoint_replaces_the_one_before(tmp_path):
    checkpoint(encoder="gru").save(tmp_path / "checkpoint")
    checkpoint(encoder="conv").save(tmp_path / "checkpoint")
    assert Checkpoint.load(tmp_path / "checkpoint").params.encoder == "conv"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_a_missing_checkpoint_names_the_stage(tmp_path):
    with pytest.raises(KinetraceError, match=r"nowhere holds no checkpoint .*: run the stage train"):
        Checkpoint.load(tmp_path / "nowhere")
