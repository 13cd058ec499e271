import pytest
import torch

from kinetrace.errors import KinetraceError
from kinetrace.operations.model.checkpoint import Checkpoint
from tests.operations.small import trained, untrained
from tests.workspaces import tree


def test_what_was_saved_is_loaded(tmp_path):
    checkpoint, _ = trained()
    checkpoint.save(tmp_path / "checkpoint")
    again = Checkpoint.load(tmp_path / "checkpoint")
    assert (again.params, again.labels, again.geometry) == (checkpoint.params, checkpoint.labels, checkpoint.geometry)
    assert not again.model.training
    first, second = checkpoint.model.state_dict(), again.model.state_dict()
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(again.model.moment.weight, untrained().model.moment.weight)


def test_the_same_checkpoint_has_the_same_bytes(tmp_path):
    for name in ("first", "second"):
        untrained().save(tmp_path / name)
    assert tree(tmp_path / "first") == tree(tmp_path / "second")


def test_an_absent_checkpoint_names_the_remedy(tmp_path):
    with pytest.raises(KinetraceError, match="run the stage train"):
        Checkpoint.load(tmp_path)


def test_one_of_other_parameters_is_refused(tmp_path):
    untrained().save(tmp_path / "checkpoint")
    config = tmp_path / "checkpoint" / "config.json"
    config.write_text(config.read_text().replace('"width": 32', '"width": 16'))
    with pytest.raises(KinetraceError, match="damaged or of another version"):
        Checkpoint.load(tmp_path / "checkpoint")
