import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file

from kinetrace.errors import KinetraceError
from kinetrace.operations.model.vlm import adapters
from kinetrace.operations.model.vlm.loading import quiet
from tests.operations import tiny_vlm

families = pytest.mark.parametrize("family", tiny_vlm.FAMILIES)


def changed(vlm, seed=3):
    """``vlm`` with adapters that do something."""
    found = adapters.fresh(vlm, seed)
    generator = torch.Generator().manual_seed(seed)
    for weight in adapters.trained(found):
        weight.data += 0.1 * torch.randn(weight.shape, generator=generator)
    return found


@families
@pytest.mark.parametrize("quantization", ["nf4", "no"])
def test_every_matrix_of_the_language_models_layers_has_an_adapter_and_no_other(family, quantization):
    vlm = adapters.fresh(tiny_vlm.vlm(family, quantization=quantization), seed=1)
    names = {name.split("base_model.model.")[1].split(".lora_")[0] for name in adapters.state(vlm)}
    matrices = ["self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o", "mlp.gate", "mlp.up", "mlp.down"]
    layers = [f"model.language_model.layers.{layer}" for layer in (0, 1)]
    assert names == {f"{layer}.{matrix}_proj" for layer in layers for matrix in matrices}
    learnt = [name for name, weight in vlm.core.named_parameters() if weight.requires_grad]
    assert len(learnt) == 28 and all(".lora_" in name for name in learnt)
    assert all(weight.dtype == torch.float32 for weight in adapters.trained(vlm))


def test_new_adapters_depend_on_the_seed_alone():
    torch.manual_seed(1)
    first = adapters.state(adapters.fresh(tiny_vlm.vlm(), seed=5))
    torch.manual_seed(2)
    again, other = (adapters.state(adapters.fresh(tiny_vlm.vlm(), seed=seed)) for seed in (5, 6))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@families
def test_adapters_are_read_as_they_were_written(tmp_path, family):
    vlm = changed(tiny_vlm.vlm(family))
    adapters.save_to(vlm, tmp_path / "adapters")
    found = adapters.load(tiny_vlm.vlm(family), tmp_path / "adapters")
    assert all(torch.equal(weight, adapters.state(found)[name]) for name, weight in adapters.state(vlm).items())
    adapters.save_to(found, tmp_path / "again")
    assert [path.read_bytes() for path in sorted((tmp_path / "adapters").iterdir())] == [
        path.read_bytes() for path in sorted((tmp_path / "again").iterdir())
    ]


def test_peft_reads_the_folder(tmp_path):
    vlm = changed(tiny_vlm.vlm())
    adapters.save_to(vlm, tmp_path)
    with quiet():
        theirs = PeftModel.from_pretrained(tiny_vlm.vlm().core, tmp_path)
    ours = dict(vlm.core.named_parameters())
    assert all(torch.equal(weight, ours[name]) for name, weight in theirs.get_base_model().named_parameters())


def test_the_rank_is_the_folders_own(tmp_path):
    adapters.save_to(changed(tiny_vlm.vlm(rank=4)), tmp_path)
    found = adapters.load(tiny_vlm.vlm(rank=16), tmp_path)
    assert found.model.peft_config["default"].r == 4


@pytest.mark.parametrize(("drop", "add"), [(True, False), (False, True), (True, True)])
def test_adapters_that_would_not_load_are_refused(tmp_path, drop, add):
    adapters.save_to(changed(tiny_vlm.vlm()), tmp_path)
    weights = load_file(tmp_path / adapters.WEIGHTS)
    name = sorted(weights)[0]
    if add:
        weights["base_model.model.model.visual.blocks.0.attn.qkv.lora_A.weight"] = weights[name].clone()
    if drop:
        del weights[name]
    save_file(weights, tmp_path / adapters.WEIGHTS)
    with pytest.raises(KinetraceError, match=r"of another model \(1 " + ("missing" if drop else "unknown")):
        adapters.load(tiny_vlm.vlm(), tmp_path)


def test_adapters_of_another_shape_are_refused(tmp_path):
    adapters.save_to(changed(tiny_vlm.vlm()), tmp_path)
    weights = load_file(tmp_path / adapters.WEIGHTS)
    name = sorted(weights)[0]
    save_file(weights | {name: torch.zeros(4, 32)}, tmp_path / adapters.WEIGHTS)
    with pytest.raises(KinetraceError, match=r"is \(4, 32\), expected \(4, "):
        adapters.load(tiny_vlm.vlm(), tmp_path)


def test_a_folder_without_adapters_is_named(tmp_path):
    with pytest.raises(KinetraceError, match=r"holds no adapters \(adapter_config.json is missing\): run the"):
        adapters.load(tiny_vlm.vlm(), tmp_path)
    adapters.save_to(changed(tiny_vlm.vlm()), tmp_path / "some")
    (tmp_path / "some" / adapters.WEIGHTS).write_bytes(b"torn")
    with pytest.raises(KinetraceError, match="is damaged"):
        adapters.load(tiny_vlm.vlm(), tmp_path / "some")
