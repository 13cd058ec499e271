"""``kinetrace sign recognize`` as a person types it."""

import json

import numpy as np
from typer.testing import CliRunner, Result

from kinetrace import cli
from tests.sign import models
from tests.sign.export.exported import exported


def recognize(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["sign", "recognize", *map(str, arguments)], env={"COLUMNS": "200"})


def test_it_has_help_with_an_example():
    shown = recognize("--help").stdout
    assert "Example: kinetrace sign recognize" in shown and "sign@champion" in shown


def test_json_holds_every_clip_and_every_field(tmp_path):
    np.save(tmp_path / "a.npy", models.clip(30))
    np.save(tmp_path / "b.npy", np.zeros((30, 540), np.float32))
    done = recognize(tmp_path, "--model", exported() / "sign.zip", "--top-k", 2, "--json")
    assert done.exit_code == 0
    content = json.loads(done.stdout)
    assert content["failed"] == []
    first, second = content["clips"]
    assert (first["file"], second["file"]) == (f"{tmp_path}/a.npy", f"{tmp_path}/b.npy")
    assert set(first["results"][0]) == {
        "sentence_id", "sentence", "category", "similarity", "raw_similarity", "proto_similarity", "confidence",
        "dtw_distance", "dtw_score",
    }  # fmt: skip
    assert len(first["results"]) == 2
    assert not second["accepted"] and "hardly any motion" in second["rejection_reason"] and second["motion_mean"] == 0


def test_a_bad_file_is_named_and_the_exit_code_is_1(tmp_path):
    np.save(tmp_path / "a.npy", models.clip(30))
    np.save(tmp_path / "b.npy", np.zeros((5, 3), np.float32))
    done = recognize(tmp_path / "a.npy", tmp_path / "b.npy", "--model", exported())
    assert done.exit_code == 1
    assert done.stdout.startswith(f"{tmp_path}/a.npy: ")
    assert done.stderr == f"{tmp_path}/b.npy: found an array of shape [5, 3], expected [frames, 540]\n"
