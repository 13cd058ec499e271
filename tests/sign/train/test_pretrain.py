import shutil

import numpy as np
import pytest
import torch
import yaml
from typer.testing import CliRunner

from kinetrace import checkpoints, files
from kinetrace.cli import app
from kinetrace.errors import KinetraceError
from kinetrace.shards import Shards
from kinetrace.sign.train import pretrain, pretrained
from kinetrace.sign.train.pretrain import Pretraining
from kinetrace.workspace import Workspace
from tests.checkouts import ROOT, TINY, configure
from tests.sign.models import clip
from tests.sign.trained import prepared, tiny

EPOCHS = 3


def learner(folder, clips=None, **section):
    given = tiny(pretrain={"epochs": EPOCHS, "batch": 6} | section)
    return Pretraining(given, clips or Shards.open(prepared().folders.shards).subset("train"), folder / "state.pt")


def weights(one):
    return {name: weight.clone() for name, weight in one.objective.state_dict().items()}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    one = learner(tmp_path_factory.mktemp("undisturbed"))
    before = weights(one)
    return before, one.fit(), weights(one)


@pytest.fixture
def workspace(tmp_path):
    """The tiny twin's shards in a workspace of its own."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    configure(tmp_path, TINY | {"pretrain": {"epochs": 1, "batch": 6}})
    shutil.copytree(prepared().folders.shards, tmp_path / "data" / "sign" / "shards")
    return Workspace(tmp_path)


def test_both_losses_fall(undisturbed):
    _, history, _ = undisturbed
    assert [row["epoch"] for row in history] == list(range(EPOCHS))
    for name in ("masked", "dual", "loss"):
        assert history[-1][name] < history[0][name]


def test_what_is_kept_is_trained_and_what_needs_labels_is_not(undisturbed):
    before, _, after = undisturbed
    changed = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert changed - {"weight", "bias"} == set(pretrained.MODULES) - {"frontend"}


def test_a_killed_pretraining_resumes_to_the_same_weights_and_history(tmp_path, undisturbed, monkeypatch):
    one = learner(tmp_path)
    epoch = one._epoch
    monkeypatch.setattr(one, "_epoch", lambda number: epoch(number) if number < 1 else pytest.fail("killed"))
    with pytest.raises(pytest.fail.Exception):
        one.fit()
    again = learner(tmp_path)
    assert len(again.resume.load()) == 1
    assert again.fit() == undisturbed[1]
    assert same(weights(again), undisturbed[2])


def test_the_seed_decides_the_weights(tmp_path, undisturbed):
    given = tiny(pretrain={"epochs": 1, "batch": 6}, train={"seed": 8})
    other = Pretraining(given, Shards.open(prepared().folders.shards).subset("train"), tmp_path / "state.pt")
    assert not same(weights(other), undisturbed[0])


def test_a_weight_of_zero_leaves_a_loss_out(tmp_path):
    one = learner(tmp_path, masked=0.0, epochs=1)
    before = weights(one)["head.weight"]
    one.fit()
    torch.testing.assert_close(weights(one)["head.weight"], before, atol=2e-3, rtol=0)  # decayed, not learnt


def test_a_collapse_stops_with_a_reason(tmp_path, monkeypatch):
    one = learner(tmp_path)
    monkeypatch.setattr(one, "_epoch", lambda epoch: {"loss": 1.0, "similarity": 0.99})
    with pytest.raises(KinetraceError, match=r"stopped in epoch 3: .*collapsed .*0\.990, limit 0\.98"):
        one.params = tiny(pretrain={"epochs": 5})
        one.fit()


def test_a_loss_that_is_not_finite_stops_with_a_reason(tmp_path):
    with pytest.raises(KinetraceError, match="not finite"):
        learner(tmp_path, learning_rate=1e30).fit()


def test_a_single_clip_can_be_learnt_from(tmp_path):
    np.save(tmp_path / "one.npy", clip(12))
    from kinetrace.sign.train.unlabelled import Folder

    [row] = learner(tmp_path, Folder.of(tmp_path, 1), epochs=1).fit()
    assert row["dual"] == 0 and row["similarity"] == 0 and row["masked"] > 0


def test_adopt_makes_the_training_begin_there_and_the_same_again(workspace):
    said = pretrain.adopt(workspace, [], 1)
    named = yaml.safe_load(workspace.params.read_text())["sign"]["train"]["pretrained"]
    assert named == f"models/sign/{pretrained.reference(workspace.of('sign').pretrained).rpartition('/')[2]}"
    assert f"→ {named}" in said
    given = tiny(train={"pretrained": named})
    clips = Shards.open(workspace.of("sign").shards).clips
    assert pretrained.chosen(workspace.root, given, clips)
    assert not list((workspace.private / "resume").rglob("*.pt"))
    assert "begins with it already" in pretrain.adopt(workspace, [], 1)


def test_only_writes_where_it_is_told_and_leaves_the_parameters_alone(workspace, tmp_path):
    before = workspace.params.read_bytes()
    said = pretrain.only(workspace, [], tmp_path / "there", 1)
    assert workspace.params.read_bytes() == before
    assert f"sign.train.pretrained: {pretrained.reference((tmp_path / 'there').resolve())}" in said
    (tmp_path / "there" / "letter.txt").touch()
    with pytest.raises(KinetraceError, match=r"letter.txt, so it is no pretrained weights"):
        pretrain.only(workspace, [], tmp_path / "there", 1)


def test_further_clips_join_the_training_split_and_held_back_ones_do_not(workspace, tmp_path):
    shards = Shards.open(workspace.of("sign").shards)
    train, test = shards.subset("train"), shards.subset("test")
    further = tmp_path / "further"
    further.mkdir()
    np.save(further / "new.npy", clip(30))
    raw = prepared().raw
    shutil.copy(raw / test.clips.source[0], further / "secret.npy")
    (further / "broken.npy").write_bytes(b"no array")
    said = pretrain.only(workspace, [further], tmp_path / "there", 1)
    assert f"{len(train) + 1} clips (1 of val or test left out; 1 refused, such as {further / 'broken.npy'}" in said
    with checkpoints.read(tmp_path / "there") as (_, config):
        assert config["clips"] == sorted([*train.clips.digest, files.digest(further / "new.npy")])


def test_without_shards_the_folders_are_enough_and_without_either_it_says_so(workspace, tmp_path):
    shutil.rmtree(workspace.of("sign").shards)
    with pytest.raises(KinetraceError, match=r"no clips: .*name a folder of clips, or run the stage shards"):
        pretrain.adopt(workspace, [], 1)
    further = tmp_path / "further"
    further.mkdir()
    np.save(further / "new.npy", clip(30))
    assert "pretrained on 1 clips" in pretrain.only(workspace, [further], tmp_path / "there", 1)


def test_faces_of_different_points_are_not_mixed(workspace, tmp_path):
    further = tmp_path / "further"
    further.mkdir()
    np.save(further / "new.npy", clip(30))
    (further / "layout.json").write_text('{"face_points": "every-fifth"}')
    with pytest.raises(KinetraceError, match=r"face_points differ: contours in .*, every-fifth in .*further"):
        pretrain.only(workspace, [further], tmp_path / "there", 1)


def test_the_command(workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(workspace.root)
    done = CliRunner().invoke(app, ["sign", "pretrain", "--to", str(tmp_path / "there"), "-j", "1"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "there" / "model.safetensors").is_file()
