import shutil
from dataclasses import replace

import numpy as np
import pytest

from kinetrace import training
from kinetrace.errors import KinetraceError
from kinetrace.files import write_npz
from kinetrace.workspace import Workspace
from tests.sign.trained import prepared


def test_the_key_changes_with_parameters_shards_and_statistics(tmp_path):
    job = prepared()
    key = training.key(job)
    assert key == training.key(job)
    promoted = job.params.promote.model_copy(update={"parity": 1.0})
    assert training.key(replace(job, params=job.params.model_copy(update={"promote": promoted}))) == key
    trained = job.params.train.model_copy(update={"seed": 99})
    assert training.key(replace(job, params=job.params.model_copy(update={"train": trained}))) != key
    shutil.copytree(job.folders.workspace.root, tmp_path / "other")
    other = replace(job, folders=Workspace(tmp_path / "other").of("sign"))
    assert training.key(other) == key
    write_npz(other.folders.stats_npz, {"mean": np.zeros(540), "std": np.ones(540)})
    assert training.key(other) != key


def test_a_training_before_its_shards_names_what_is_missing(tmp_path):
    bare = replace(prepared(), folders=Workspace(tmp_path).of("sign"))
    with pytest.raises(KinetraceError, match=r"index\.json is missing: run the stage before it, or make run"):
        training.key(bare)
