import json
from dataclasses import replace

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from kinetrace import training
from kinetrace.errors import KinetraceError
from kinetrace.shards import Shards
from kinetrace.sign.params import SignParams
from kinetrace.sign.train import pretrained
from tests.sign import models
from tests.sign.trained import prepared, tiny, trainer

SPLIT = pd.DataFrame({"clip_id": ["x", "y", "z"], "digest": ["1", "2", "3"], "split": ["train", "val", "test"]})


def like(params: SignParams, **changes):
    """A model of the tiny parameters' shape."""
    given = {name: getattr(params.model, name) for name in pretrained.SHAPES}
    return models.model(**(given | changes))


def written(folder, params=None, clips=("1",), **changes):
    """``params`` that begin with a fresh folder."""
    params = params or tiny()
    named = pretrained.write(folder / "start", like(params, **changes), params, {"clips": list(clips)})
    return begins(params, f"start@{named.rpartition('@')[2]}")


def begins(params, named):
    return SignParams.model_validate(
        params.model_dump(by_alias=True) | {"train": params.train.model_dump() | {"pretrained": named}}
    )


def test_unset_means_nothing(tmp_path):
    assert pretrained.chosen(tmp_path, tiny(), SPLIT) == {}


def test_a_training_begins_with_the_weights(tmp_path):
    params = written(tmp_path)
    weights = pretrained.chosen(tmp_path, params, SPLIT)
    model = models.model(1, **{name: getattr(params.model, name) for name in pretrained.SHAPES})
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    pretrained.begin(model, weights)
    for name, weight in model.state_dict().items():
        own = name.partition(".")[0] in pretrained.MODULES
        assert torch.equal(weight, weights[name] if own else before[name])
    assert {name.partition(".")[0] for name in weights} == set(pretrained.MODULES)


def test_the_trainer_and_its_average_begin_there_with_the_statistics_of_pretraining(tmp_path):
    params = written(tmp_path)
    weights = pretrained.chosen(tmp_path, params, SPLIT)
    job = prepared()
    from kinetrace import files
    from kinetrace.sign.train.trainer import Trainer

    stats, shards = files.read_npz(job.folders.stats_npz), Shards.open(job.folders.shards)
    one = Trainer(params, shards, stats, tmp_path / "state.pt", weights)
    for model in (one._model(), one._averaged()):
        state = model.state_dict()
        assert all(torch.equal(state[name], weight) for name, weight in weights.items())
    plain = trainer(tmp_path / "plain")._model().state_dict()
    assert not torch.equal(plain["frontend.pose_mean"], weights["frontend.pose_mean"])


def test_the_parameter_decides_the_identity_of_a_training(tmp_path):
    job = prepared()
    one, other = (replace(job, params=begins(job.params, f"models/start@{digit * 16}")) for digit in "ab")
    assert len({training.key(job), training.key(one), training.key(other)}) == 3


def test_same_weights_and_record_have_the_same_digest_and_others_another(tmp_path):
    first, again = (written(tmp_path / name).train.pretrained for name in ("a", "b"))
    assert first == again
    assert written(tmp_path / "c", clips=("2",)).train.pretrained != first


@pytest.mark.parametrize("value", ["start", "start@", "@0123456789abcdef", "start@0123456789ABCDEF", "start@01", ""])
def test_a_reference_without_folder_and_digest_is_refused(value):
    with pytest.raises(ValueError, match="pretrained"):
        begins(tiny(), value)


def test_an_absent_folder_says_what_to_run(tmp_path):
    with pytest.raises(KinetraceError, match=r"train\.pretrained: .*gone holds no checkpoint.*kinetrace sign pretrain"):
        pretrained.chosen(tmp_path, begins(tiny(), f"gone@{'a' * 16}"), SPLIT)


def test_another_content_is_refused_with_its_digest(tmp_path):
    params = written(tmp_path)
    true = params.train.pretrained
    with pytest.raises(KinetraceError, match=f"expected {'a' * 16}: set train.pretrained to {true} "):
        pretrained.chosen(tmp_path, begins(params, f"start@{'a' * 16}"), SPLIT)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_changed_file_is_another_content(tmp_path, name):
    params = written(tmp_path)
    path = tmp_path / "start" / name
    path.write_bytes(path.read_bytes().replace(b" ", b"  ", 1))
    with pytest.raises(KinetraceError, match=r"train\.pretrained: "):
        pretrained.chosen(tmp_path, params, SPLIT)


@pytest.mark.parametrize(
    "field, value", [("encoder", "gru"), ("parts", ["pose"]), ("width", 16), ("depth", 2), ("embedding", 8)]
)
def test_weights_of_another_network_name_the_field(tmp_path, field, value):
    params = tiny(model={field: value})
    named = written(tmp_path, params).train.pretrained
    with pytest.raises(KinetraceError, match=rf"start has model\.{field} .*params\.yaml has .*set model\.{field} to"):
        pretrained.chosen(tmp_path, begins(tiny(), named), SPLIT)


def test_what_does_not_shape_the_weights_may_differ(tmp_path):
    named = written(tmp_path).train.pretrained
    pretrained.chosen(tmp_path, begins(tiny(model={"dropout": 0.5, "max_tokens": 9}), named), SPLIT)


@pytest.mark.parametrize("digest, clip", [("2", r"y \(val\)"), ("3", r"z \(test\)")])
def test_weights_that_have_seen_held_back_clips_are_refused(tmp_path, digest, clip):
    params = written(tmp_path, clips=("1", digest))
    with pytest.raises(KinetraceError, match=f"has seen 1 clips of val and test, such as {clip}"):
        pretrained.chosen(tmp_path, params, SPLIT)


def test_weights_of_another_versions_network_are_refused(tmp_path):
    params = written(tmp_path)
    weights = load_file(tmp_path / "start" / "model.safetensors")
    name = "encoder.stem.weight"
    for wrong in ({**weights, name: weights[name][:, 1:]}, {**weights, "encoder.more": weights[name]}, {}):
        if wrong:
            with pytest.raises(KinetraceError, match=r"train\.pretrained: encoder\.\S+ is of another version"):
                pretrained.begin(like(params), wrong)


def test_the_configuration_says_what_shaped_the_weights(tmp_path):
    params = written(tmp_path)
    config = json.loads((tmp_path / "start" / "config.json").read_text())
    assert config == {
        "model": {name: getattr(params.model, name) for name in pretrained.SHAPES},
        "clips": ["1"],
    }
