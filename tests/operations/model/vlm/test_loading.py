import shutil

import pytest
import torch

from kinetrace.errors import KinetraceError
from kinetrace.operations.model.vlm import guards, loading
from kinetrace.operations.model.vlm.loading import compute_dtype, weights_dtype
from tests.operations import tiny_vlm

families = pytest.mark.parametrize("family", tiny_vlm.FAMILIES)


@families
def test_only_the_language_model_is_in_four_bits(family):
    core = tiny_vlm.vlm(family, quantization="nf4").core
    four = {name for name, module in core.named_modules() if type(module).__name__ == "Linear4bit"}
    assert len(four) == 14 and all(name.startswith("model.language_model.layers.") for name in four)
    state = core.model.language_model.layers[0].mlp.up_proj.weight.quant_state
    assert state.quant_type == "nf4" and state.nested


@families
def test_a_model_is_frozen_ready_to_answer_and_greedy(family):
    vlm = tiny_vlm.vlm(family)
    assert not vlm.core.training and not any(weight.requires_grad for weight in vlm.core.parameters())
    config = vlm.core.generation_config
    assert config.do_sample is False and config.repetition_penalty in (None, 1.0)
    assert config.eos_token_id == vlm.token("<|im_end|>")


@pytest.mark.parametrize("name", ["nobody/no-such-model", "/nowhere/at/all"])
def test_a_model_that_the_hub_does_not_give_is_explained(name):
    with pytest.raises(KinetraceError, match=rf"{name} is no folder, .* HF_HUB_OFFLINE=0, name a local folder"):
        tiny_vlm.vlm(name=name)


def test_weights_that_are_no_safetensors_are_refused(tmp_path):
    for path in tiny_vlm.folder("qwen2_5_vl").iterdir():
        if path.suffix != ".safetensors":
            shutil.copy(path, tmp_path)
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(KinetraceError, match=f"{tmp_path} holds no usable model"):
        tiny_vlm.vlm(name=str(tmp_path))


def test_code_that_comes_with_a_model_is_never_run(tmp_path):
    folder = shutil.copytree(tiny_vlm.folder("qwen2_5_vl"), tmp_path / "model")
    (folder / "evil.py").write_text("raise SystemExit('run')\n")
    config = (folder / "config.json").read_text().replace('"model_type": "qwen2_5_vl",', '"model_type": "evil",', 1)
    (folder / "config.json").write_text(config.replace("{", '{"auto_map": {"AutoConfig": "evil.Config"},', 1))
    with pytest.raises(KinetraceError, match="holds no usable model"):
        tiny_vlm.vlm(name=str(folder))


def test_another_kind_of_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(KinetraceError, match="a model of type 'bert'"):
        tiny_vlm.vlm(name=str(tmp_path))


@pytest.mark.parametrize(
    ("capability", "computes", "keeps"),
    [((7, 5), torch.float16, torch.float32), ((8, 0), torch.bfloat16, torch.bfloat16)],
)
def test_bf16_is_for_devices_that_have_it(monkeypatch, capability, computes, keeps):
    """``is_bf16_supported`` says yes on a T4, which is of capability 7.5."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    device = torch.device("cuda:0")
    assert compute_dtype(device) == computes and weights_dtype(device) == keeps
    assert compute_dtype(device, "fp16") == torch.float16 and compute_dtype(device, "no") == torch.float32


def test_a_cpu_computes_in_32_bits():
    assert compute_dtype(torch.device("cpu")) == weights_dtype(torch.device("cpu")) == torch.float32


def test_gradients_pass_through_four_bits_after_the_model_has_answered():
    """bitsandbytes repacks weights on CPUs with AVX-512 BF16, and lets no gradient through from then on."""
    core = tiny_vlm.vlm(quantization="nf4").core
    layer = core.model.language_model.layers[0].mlp.up_proj
    with torch.no_grad():
        before = layer(torch.ones(1, 64))
    inputs = torch.ones(1, 64, requires_grad=True)
    layer(inputs).sum().backward()
    assert inputs.grad is not None and inputs.grad.abs().sum() > 0
    assert torch.equal(layer.train()(torch.ones(1, 64)), before)


def test_a_tower_in_four_bits_is_noticed(monkeypatch):
    """What ``visual`` in the skip list gave before transformers 5."""
    quantization = loading._quantization

    def stale(params, device):
        config = quantization(params, device)
        config.llm_int8_skip_modules = ["visual", "lm_head"]
        return config

    monkeypatch.setattr(loading, "_quantization", stale)
    with pytest.raises(KinetraceError, match=r"layers under 'model.visual' are in 4 bits"):
        tiny_vlm.vlm(quantization="nf4")
    assert guards.SKIP == ("model.visual", "lm_head")


def test_a_token_that_a_tokenizer_lacks_is_named():
    with pytest.raises(KinetraceError, match=r"the tokenizer has no token <\|other\|>"):
        tiny_vlm.vlm().token("<|other|>")
