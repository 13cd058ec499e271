"""Counted parameters are those of the models that transformers builds from the same figures."""

import json

import pytest
import torch
from transformers import AutoConfig, AutoModelForImageTextToText

from kinetrace.errors import KinetraceError
from kinetrace.plan.vlm import PUBLISHED, QWEN3, QWEN25, Spec
from tests.operations import tiny_vlm

TEXT = {
    "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 80, "vocab_size": 96, "pad_token_id": None,
}  # fmt: skip
VISION = {"depth": 3, "hidden_size": 32, "intermediate_size": 56, "num_heads": 2, "out_hidden_size": 48}
ODD = [
    {"model_type": QWEN25, "tie_word_embeddings": False, "text_config": TEXT, "vision_config": VISION | {
        "patch_size": 10, "spatial_merge_size": 3, "temporal_patch_size": 4}},
    {"model_type": QWEN3, "tie_word_embeddings": False, "text_config": TEXT | {"head_dim": 20}, "vision_config":
        VISION | {"patch_size": 10, "num_position_embeddings": 25, "deepstack_visual_indexes": [0, 2]}},
]  # fmt: skip


def real(config: dict) -> torch.nn.Module:
    """The model without its weights."""
    fields = {name: value for name, value in config.items() if name != "model_type"}
    if "text_config" not in fields:  # as the hub's older files, which transformers reads by itself
        fields["text_config"] = {name: fields.pop(name) for name in list(fields) if name in TEXT}
    with torch.device("meta"):
        return AutoModelForImageTextToText.from_config(AutoConfig.for_model(config["model_type"], **fields))


def size(module: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


@pytest.mark.parametrize("name, parameters", [
    ("Qwen/Qwen2.5-VL-3B-Instruct", 3_754_622_976), ("Qwen/Qwen3-VL-2B-Instruct", 2_127_532_032),
    ("Qwen/Qwen3-VL-4B-Instruct", 4_437_815_808),
])  # fmt: skip
def test_published_models_have_as_many_parameters_as_the_hub_says(name, parameters):
    assert Spec.named(name).parameters == parameters


@pytest.mark.parametrize("config", [*PUBLISHED.values(), *ODD])
def test_every_part_is_as_large_as_the_real_one(config):
    spec, model = Spec.of("x", config), real(config)
    layers = model.model.language_model.layers
    linear = [module for module in layers.modules() if isinstance(module, torch.nn.Linear)]
    assert spec.parameters == size(model)
    assert spec.vision.parameters == size(model.model.visual)
    assert spec.vision.block == size(model.model.visual.blocks[0])
    assert spec.text.linear == sum(layer.weight.numel() for layer in linear)
    expected = [tuple(layer.weight.shape) for layer in linear[:7]]
    assert sorted((one.rows, one.columns) for one in spec.text.matrices) == sorted(expected)
    assert spec.text.embeddings == sum({id(w): w.numel() for w in (
        model.lm_head.weight, model.model.language_model.embed_tokens.weight)}.values())  # fmt: skip


@pytest.mark.parametrize("family", tiny_vlm.FAMILIES)
def test_a_local_folder_is_read(family):
    folder = tiny_vlm.folder(family)
    model = AutoModelForImageTextToText.from_config(AutoConfig.from_pretrained(folder))
    assert Spec.named(str(folder)).parameters == size(model)


def test_what_is_neither_known_nor_a_folder_is_refused(tmp_path):
    with pytest.raises(KinetraceError, match=r"no figures for x/y: expected a local folder or one of Qwen/Qwen2\.5"):
        Spec.named("x/y")
    for text, reason in (("{", "is no JSON"), ('{"model_type": "llama"}', "of type 'llama', expected qwen2_5_vl")):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(KinetraceError, match=reason):
            Spec.named(str(tmp_path))


def test_an_incomplete_config_is_refused(tmp_path):
    config = {**PUBLISHED["Qwen/Qwen3-VL-2B-Instruct"], "vision_config": {"depth": 2}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(KinetraceError, match=r"config\.json lacks 'hidden_size'"):
        Spec.named(str(tmp_path))
