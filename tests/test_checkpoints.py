import json

import pytest
import torch

from kinetrace import checkpoints
from kinetrace.errors import KinetraceError
from tests.workspaces import tree

WEIGHTS = {"b": torch.arange(6.0).view(2, 3), "a": torch.tensor(7, dtype=torch.int64)}
CONFIG = {"width": 3, "name": "ü 手"}


@pytest.fixture
def folder(tmp_path):
    checkpoints.write(tmp_path / "one", WEIGHTS, CONFIG)
    return tmp_path / "one"


def test_what_is_read_is_what_was_written(folder):
    with checkpoints.read(folder) as (weights, config):
        assert config == CONFIG
        assert weights.keys() == WEIGHTS.keys()
        assert all(torch.equal(weights[name], WEIGHTS[name]) for name in WEIGHTS)


def test_order_and_layout_in_memory_decide_no_byte(folder, tmp_path):
    turned = WEIGHTS["b"].mT.contiguous().mT
    assert not turned.is_contiguous()
    checkpoints.write(tmp_path / "two", {"a": WEIGHTS["a"], "b": turned}, dict(reversed(CONFIG.items())))
    assert tree(tmp_path / "two") == tree(folder)


def test_a_failed_write_leaves_the_one_before(folder):
    before = tree(folder)
    with pytest.raises(ValueError, match="JSON"):
        checkpoints.write(folder, WEIGHTS, {"loss": float("nan")})
    assert tree(folder) == before
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


@pytest.mark.parametrize("name", [checkpoints.WEIGHTS, checkpoints.CONFIG])
def test_a_missing_file_names_the_stage(folder, name):
    (folder / name).unlink()
    said = rf"one holds no checkpoint \({name} is missing\): run the stage train"
    with pytest.raises(KinetraceError, match=said), checkpoints.read(folder):
        pass


@pytest.mark.parametrize("name", [checkpoints.WEIGHTS, checkpoints.CONFIG])
def test_a_truncated_file_is_damage(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[:-5])
    said = "one is damaged or of another version of Kinetrace"
    with pytest.raises(KinetraceError, match=said), checkpoints.read(folder):
        pass


def test_what_a_model_cannot_use_is_of_another_version(folder):
    said = r"run the stage train again \(Error.* Missing key.*weight"
    with pytest.raises(KinetraceError, match=said) as caught, checkpoints.read(folder) as (weights, _):
        torch.nn.Linear(2, 2).load_state_dict(weights | {f"layer{number}.weight": weights["b"] for number in range(99)})
    assert len(str(caught.value).partition("again")[2]) < 320 and "\n" not in str(caught.value)
    (folder / checkpoints.CONFIG).write_text(json.dumps({}))
    with pytest.raises(KinetraceError, match="width"), checkpoints.read(folder) as (_, config):
        config["width"]
