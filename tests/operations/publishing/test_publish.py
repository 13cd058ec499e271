import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import yaml
from peft import PeftConfig

from kinetrace.errors import KinetraceError
from kinetrace.files import read_json
from kinetrace.operations.model.vlm.answering import Answering
from kinetrace.operations.model.vlm.loading import load
from kinetrace.operations.publishing import hub
from kinetrace.operations.publishing.publish import publish
from kinetrace.operations.runtime.analysis import clip_at
from kinetrace.operations.runtime.predictor import Clip, Predictor
from kinetrace.shards import Shards
from tests.operations import replying, staged

# A fresh process: of Kinetrace it has what the model brought.
ASK = """
import json, sys, mlflow, numpy
model = mlflow.pyfunc.load_model(sys.argv[1])
import kinetrace
assert kinetrace.__file__.startswith(sys.argv[1]), kinetrace.__file__
pictures = numpy.load(sys.argv[2])
rows = [{"frames": pictures["frames"], "times": pictures["times"]}, *json.loads(sys.argv[3])]
print(json.dumps(model.predict(rows)))
"""


@pytest.fixture(autouse=True)
def nobody_is_logged_in(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)


@pytest.fixture(scope="module")
def small():
    return staged.exported().folders.bundle


@pytest.fixture(scope="module")
def large():
    return replying.exported().folders.bundle


def card(folder):
    """Metadata and text of a card."""
    _, metadata, text = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(metadata), text


def ask(folder, tmp_path, pictures, *rows):
    """What the MLflow model in ``folder`` says in a process of its own."""
    np.savez(tmp_path / "clip.npz", **pictures)
    arguments = [str(folder), str(tmp_path / "clip.npz"), json.dumps(rows)]
    done = subprocess.run([sys.executable, "-c", ASK, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def drawn(count=20, seed=0):
    frames = np.random.default_rng(seed).integers(0, 255, (count, 56, 56, 3)).astype(np.uint8)
    return {"frames": frames, "times": np.arange(count) / 5 - 1}


def test_the_small_network_is_published_with_its_bundle_and_a_card(tmp_path, small):
    found = publish(str(small), tmp_path / "out", None, "", "apache-2.0")
    assert (found.form, found.address) == ("onnx", "") and found.bytes > 10_000
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "README.md", "network.onnx", "model_config.json", "grammar.json", "operations.zip",
    }  # fmt: skip
    Predictor.load(tmp_path / "out" / "operations.zip")
    metadata, text = card(tmp_path / "out")
    assert (metadata["license"], metadata["library_name"]) == ("apache-2.0", "onnx")
    assert metadata["pipeline_tag"] == "video-classification" and "base_model" not in metadata
    assert found.digest in text and "trained from random weights" in text


def test_a_card_has_every_figure_with_interval_and_baselines(tmp_path, small):
    publish(str(small), tmp_path / "out", "onnx", "", "other")
    metadata, text = card(tmp_path / "out")
    metrics = read_json(small.parent / "metrics.json")["metrics"]
    results = metadata["model-index"][0]["results"][0]["metrics"]
    assert {one["type"] for one in results} == {"oca", "tiou", "aa1", "f1@50/viterbi"}
    assert next(one["value"] for one in results if one["type"] == "oca") == metrics["oca"]["value"]
    assert "majority" in next(one["name"] for one in results if one["type"] == "oca")
    assert all(f"| {name} |" in text for name in metrics) and "whole clip" in text
    assert metadata["license_name"] == "unstated" and "$" not in text


def test_a_bundle_from_elsewhere_says_that_its_figures_are_unknown(tmp_path, small):
    shutil.copyfile(small / "operations.zip", tmp_path / "alone.zip")
    publish(str(tmp_path / "alone.zip"), tmp_path / "out", None, "", "other")
    metadata, text = card(tmp_path / "out")
    assert "model-index" not in metadata and "Not known where this card was written." in text


def test_the_small_network_answers_as_an_mlflow_model_in_a_fresh_process(tmp_path, small):
    publish(str(small), tmp_path / "out", "pyfunc", "", "other")
    pictures, video = drawn(), str(staged.exported().raw / "videos" / "P0.mp4")
    told, of_video = ask(tmp_path / "out", tmp_path, pictures, {"video": video, "start": 4.0})
    predictor = Predictor.load(small)
    expected = predictor.tell(Clip(pictures["frames"], pictures["times"]))
    assert told["operation"] == expected.operation and told["operations"] == pytest.approx(expected.operations)
    there = predictor.tell(clip_at(staged.exported().raw / "videos" / "P0.mp4", 4.0, predictor.settings))
    assert of_video["operations"] == pytest.approx(there.operations)
    model = yaml.safe_load((tmp_path / "out" / "MLmodel").read_text())
    assert [column["name"] for column in json.loads(model["signature"]["inputs"])] == [
        "video", "start", "frames", "times",
    ]  # fmt: skip
    assert model["metadata"]["kind"] == "tcn" and model["saved_input_example_info"]


def test_the_language_model_answers_as_an_mlflow_model_in_a_fresh_process(tmp_path, large):
    publish(str(large), tmp_path / "out", "pyfunc", "", "other")
    pictures = drawn()
    (told,) = ask(tmp_path / "out", tmp_path, pictures)
    (expected,) = Answering.load(large).tell([Clip(pictures["frames"], pictures["times"])])
    assert told["operations"] == pytest.approx(expected.operations, abs=1e-4)
    assert (told["start"], told["end"]) == pytest.approx((expected.start, expected.end))


def test_adapters_are_published_where_peft_looks_for_them(tmp_path, large):
    found = publish(str(large), tmp_path / "out", None, "", "other")
    assert found.form == "adapter"
    assert PeftConfig.from_pretrained(tmp_path / "out").r == 8
    told = read_json(tmp_path / "out" / "serving.json")
    assert told["adapter"]["folder"] == told["vllm"]["request"]["lora_request"][-1] == "."
    for name in (told["answer"]["grammar"], told["prompt"]["question"], "tokenizer.json", "operations.zip"):
        assert (tmp_path / "out" / name).is_file(), name
    assert card(tmp_path / "out")[0]["library_name"] == "peft"


def test_the_merged_model_answers_as_base_and_adapters(tmp_path, large):
    publish(str(large), tmp_path / "out", "merged", "", "other")
    adapted = Answering.load(large)
    params = adapted.params.vlm.model_copy(update={"name": str(tmp_path / "out"), "quantization": "no"})
    merged = Answering(adapted.tuned, load(params))
    shards = Shards.open(replying.exported().folders.shards).subset("test")
    some = Shards(shards.folder, shards.clips.head(4))
    ours, theirs = adapted.predict(some), merged.predict(some)
    np.testing.assert_allclose(theirs.operation_CK, ours.operation_CK, atol=0.02)
    told = read_json(tmp_path / "out" / "serving.json")
    assert told["base"]["name"] == "." and "adapter" not in told and "lora_request" not in told["vllm"]["request"]


@pytest.mark.parametrize(
    ("kind", "form", "said"),
    [("small", "adapter", "a model of kind 'tcn' has onnx, pyfunc"), ("large", "onnx", "has adapter, merged, pyfunc")],
)
def test_a_form_that_a_model_does_not_have_is_refused(tmp_path, request, kind, form, said):
    with pytest.raises(KinetraceError, match=said):
        publish(str(request.getfixturevalue(kind)), tmp_path / "out", form, "", "other")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path, small):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(KinetraceError, match=r"it holds notes\.txt"):
        publish(str(small), tmp_path, None, "", "other")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_without_a_login_nothing_is_written_or_uploaded(tmp_path, small, monkeypatch):
    monkeypatch.setattr(hub, "push", lambda *given: pytest.fail("uploaded"))
    with pytest.raises(KinetraceError, match="nobody is logged in: run `hf auth login`"):
        publish(str(small), tmp_path / "out", None, "anna/steps", "other")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["steps", "a/b/c", "anna/ste ps", "/"])
def test_a_name_that_is_no_repository_is_refused(name):
    with pytest.raises(KinetraceError, match="--push"):
        hub.login(name)
