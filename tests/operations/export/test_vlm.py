import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from kinetrace import bundle
from kinetrace.errors import KinetraceError
from kinetrace.files import read_json
from kinetrace.operations.export import serving, vlm
from kinetrace.operations.model.vlm.answering import Answering
from kinetrace.operations.runtime.predictor import Predictor
from kinetrace.shards import Shards
from tests.operations.replying import exported, trained
from tests.operations.squares import LABELS


@pytest.fixture(scope="module")
def folder():
    return exported().folders.bundle


@pytest.fixture(scope="module")
def answering():
    return Answering.load(trained().folders.checkpoint, trained().folders.workspace.cache)


def test_a_bundle_holds_adapters_texts_tokenizer_and_how_to_serve(folder):
    names = set(bundle.verify(folder).files)
    assert {"adapter/adapter_model.safetensors", "adapter/adapter_config.json", "config.json", "serving.json",
            "prompt/system.txt", "prompt/question.txt", "prompt/answer.schema.json", "prompt/answer.ebnf",
            "tokenizer/tokenizer.json", "grammar.json", "model_config.json"} <= names  # fmt: skip
    config = read_json(folder / "model_config.json")
    assert (config["workload"], config["kind"]) == ("operations", "vlm")
    assert tuple(config["operations"]["labels"]) == LABELS and config["operations"]["pixels"] == 56


def test_the_bundle_answers_as_the_checkpoint(folder, answering):
    shards = Shards.open(trained().folders.shards)
    some = Shards(shards.folder, shards.clips.head(2))
    served = Answering.load(folder).predict(some)
    np.testing.assert_array_equal(served.operation_CK, answering.predict(some).operation_CK)


def test_merged_and_adapted_forms_answer_alike(folder):
    assert read_json(folder / "model_config.json")["parity"][vlm.MERGED] < 0.02


def test_parity_sees_other_adapters(folder, answering, tmp_path):
    (tmp_path / "adapter").mkdir()
    weights = load_file(folder / "adapter" / "adapter_model.safetensors")
    others = {name: -weight if "lora_A" in name else weight for name, weight in weights.items()}
    save_file(others, tmp_path / "adapter" / "adapter_model.safetensors")
    for name in ("adapter/adapter_config.json", "config.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    test = Shards.open(trained().folders.shards).subset("test")
    assert vlm.parity(answering, tmp_path, test, 2)[vlm.MERGED] > 0.1


def test_where_memory_is_short_the_adapters_are_read_back(folder, answering, monkeypatch):
    monkeypatch.setattr(vlm, "ROOM", 1e9)
    test = Shards.open(trained().folders.shards).subset("test")
    assert vlm.parity(answering, folder, test, 2) == {vlm.READ_BACK: pytest.approx(0, abs=1e-6)}


def test_a_server_is_told_what_to_show_and_how_to_constrain(folder):
    told = read_json(folder / serving.MANIFEST)
    for name in (told["answer"]["json_schema"], told["answer"]["grammar"], told["prompt"]["question"],
                 told["prompt"]["system"], told["workflow"]):  # fmt: skip
        assert (folder / name).is_file(), name
    assert told["vllm"]["engine"]["limit_mm_per_prompt"] == {"video": 2} and told["frames"]["sampler"]["frames"] == 4
    assert json.loads((folder / serving.SCHEMA).read_text())["properties"]["operation"]["enum"] == list(LABELS)
    assert told["base"]["digest"] and told["vllm"]["engine"]["max_lora_rank"] >= told["adapter"]["rank"]


def test_metrics_say_how_replies_were_read():
    said = read_json(exported().folders.metrics)["answers"]
    assert sum(said.values()) == pytest.approx(1) and said["strict"] > 0


def test_the_small_networks_predictor_says_what_it_found_instead(folder):
    with pytest.raises(KinetraceError, match=r"holds no network\.onnx but a model of the kind 'vlm'"):
        Predictor.load(folder)
