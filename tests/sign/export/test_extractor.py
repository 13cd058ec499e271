"""The extractor goes from a data set's layout.json into the bundle's configuration."""

import dataclasses
import shutil

import pytest

from kinetrace.files import read_json, write_json
from kinetrace.sign.export import graphs
from kinetrace.stages import motion, shards, split, stats, validate
from kinetrace.workspace import Workspace
from tests.sign.trained import evaluated


@pytest.mark.slow
def test_a_model_says_what_its_landmarks_came_from(tmp_path):
    job = evaluated()
    raw = tmp_path / "raw"
    shutil.copytree(job.raw, raw)
    write_json(raw / "layout.json", read_json(raw / "layout.json") | {"extractor": "mediapipe-holistic 0.10.21"})
    stamped = dataclasses.replace(job, folders=Workspace(tmp_path).of("sign"), raw=raw)
    for stage in (validate, stats, motion, split, shards):
        stage.run(stamped)
    shutil.copytree(job.folders.models, stamped.folders.models, dirs_exist_ok=True)
    (tmp_path / "bundle").mkdir()
    graphs.run(stamped, tmp_path / "bundle")
    assert read_json(tmp_path / "bundle" / "model_config.json")["extractor"] == "mediapipe-holistic 0.10.21"
