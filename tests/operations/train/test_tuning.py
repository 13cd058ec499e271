import csv

import numpy as np
import pytest
import torch

from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.operations.model.vlm import adapters
from kinetrace.operations.model.vlm.answering import Answering
from kinetrace.operations.model.vlm.tuned import ADAPTER, Tuned
from kinetrace.operations.train import tuning
from kinetrace.operations.train.tuning import Lessons
from kinetrace.operations.workload import WORKLOAD
from kinetrace.registry.runs import identity
from kinetrace.shards import Shards
from kinetrace.workload import Job
from kinetrace.workspace import Workspace
from tests.operations import filming, replying, squares


def nothing(epoch, row):
    pass


def interrupted(epoch, row):
    raise KeyboardInterrupt


def test_a_checkpoint_knows_all_that_answering_needs():
    job = replying.trained()
    tuned = Tuned.load(job.folders.checkpoint)
    assert tuned.labels == squares.LABELS and tuned.params == job.params.model
    assert (tuned.geometry.fps, tuned.geometry.seconds) == (squares.FPS, 3.0)
    assert tuned.prompt.digest == tuned.prompt_digest and tuned.base.revision == ""
    config, weights = adapters.read(job.folders.checkpoint / ADAPTER)
    assert config["r"] == 8 and len(weights) == 28
    with job.folders.history.open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 8 and float(rows[-1]["loss"]) < float(rows[0]["loss"]) and float(rows[-1]["val_loss"]) > 0


def test_a_training_that_was_cut_off_ends_with_the_same_bytes(tmp_path):
    job = replying.job(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        tuning.run(job, interrupted)
    (state,) = job.folders.resume.iterdir()
    assert torch.load(state, weights_only=True)["place"]["steps"] >= 2 and not job.folders.checkpoint.exists()
    tuning.run(job, nothing)
    assert not job.folders.resume.exists()
    assert identity(job.folders.checkpoint) == identity(replying.trained().folders.checkpoint)


def test_the_vision_features_of_a_training_are_kept_for_others(tmp_path):
    job = replying.trained()
    kept = sorted((job.folders.workspace.cache / "vision").rglob("objects/*/*"))
    assert len(kept) >= len(Lessons.of(Shards.open(job.folders.shards), job.params).train)


def test_validation_clips_are_seen_as_at_inference():
    changes = {"model__sampler__name": "motion", "model__sampler__boundary_boost": 5.0, "model__sampler__frames": 4}
    boosted, plain = (squares.params(**changes | {"model__sampler__boundary_boost": boost}) for boost in (5.0, 0.0))
    shards = Shards.open(replying.trained().folders.shards)
    some, others = Lessons.of(shards, boosted), Lessons.of(shards, plain)
    assert [one.times for one in some.val] == [one.times for one in others.val]
    assert [one.times for one in some.train] != [one.times for one in others.train]


def test_shards_without_a_training_clip_are_refused(tmp_path):
    shards = Shards.open(replying.trained().folders.shards)
    with pytest.raises(KinetraceError, match="holds no training clip"):
        Lessons.of(shards.subset("test"), squares.params())


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_clips_of_the_twin_are_learnt_by_heart(tmp_path):
    """NF4, LoRA, cached features, a training that is cut off, adapters on disk, and replies: every operation right."""
    folders = Workspace(tmp_path).of("operations")
    shards = filming.shards(tmp_path / "raw", folders.shards, 32)
    files.write_npz(folders.stats_npz, {"mean": np.zeros(3, np.float32)})
    params = squares.params(**filming.CHANGES | filming.BY_HEART, model__vlm=filming.vlm())
    job = Job(WORKLOAD, folders, params, tmp_path / "raw", 1)
    with pytest.raises(KeyboardInterrupt):
        tuning.run(job, lambda epoch, row: interrupted(epoch, row) if epoch == 10 else None)
    tuning.run(job, nothing)
    answering = Answering.load(folders.checkpoint, folders.workspace.cache)
    found = answering.predict(shards)
    said = [answering.labels[place] for place in found.operation_CK.argmax(1)]
    assert len(said) == 32 and len(set(said)) >= 6
    assert said == list(shards.clips.label) and answering.stages["strict"] == 1
