import pytest
import torch
from safetensors.torch import load_file, save_file

from kinetrace.errors import KinetraceError
from kinetrace.operations.model.vlm import adapters
from kinetrace.operations.model.vlm.generate import replies, score_continuations
from kinetrace.operations.model.vlm.merge import merge
from kinetrace.operations.model.vlm.vision import Features
from tests.operations import tiny_vlm
from tests.operations.model.vlm.test_adapters import changed

families = pytest.mark.parametrize("family", tiny_vlm.FAMILIES)
CANDIDATES = [f'{{"operation": "{name}"' for name in tiny_vlm.OPERATIONS]


def weights(folder):
    return {name: weight for path in folder.glob("*.safetensors") for name, weight in load_file(path).items()}


@families
def test_exactly_the_adapted_weights_change_and_all_stay_in_sixteen_bits(tmp_path, family):
    vlm = changed(tiny_vlm.vlm(family, quantization="nf4"))
    adapters.save_to(vlm, tmp_path / "adapters")
    before = weights(tiny_vlm.folder(family))
    after = weights(merge(tiny_vlm.params(family, quantization="nf4"), tmp_path / "adapters", tmp_path / "merged"))
    assert before.keys() == after.keys()
    differ = {name for name in before if not torch.equal(before[name], after[name])}
    adapted = {name.split("layers.")[1].split(".lora_")[0] for name in adapters.state(vlm)}
    assert len(differ) == len(adapted) == 14 and not any("visual" in name for name in differ)
    assert {name.split("layers.")[1] for name in differ} == {f"{name}.weight" for name in adapted}
    assert {weight.dtype for weight in after.values()} == {torch.bfloat16}


@families
def test_merged_and_adapted_forms_answer_alike(tmp_path, family):
    vlm = changed(tiny_vlm.vlm(family, answer_tokens=8))
    adapters.save_to(vlm, tmp_path / "adapters")
    folder = merge(vlm.params, tmp_path / "adapters", tmp_path / "merged")
    merged = tiny_vlm.vlm(family, name=str(folder), answer_tokens=8)
    for place in range(4):
        ours, theirs = ([one, Features(one), tiny_vlm.example(place)] for one in (vlm, merged))
        found = [score_continuations(*arguments, CANDIDATES) for arguments in (ours, theirs)]
        assert abs(found[0] - found[1]).max() < 0.02 * abs(found[0]).max()
        assert found[0].argmax() == found[1].argmax()
    assert (
        replies(vlm, Features(vlm), [tiny_vlm.example(0)])[0].text[:3]
        == (replies(merged, Features(merged), [tiny_vlm.example(0)])[0].text[:3])
    )


def test_adapters_of_another_model_are_refused(tmp_path):
    adapters.save_to(changed(tiny_vlm.vlm()), tmp_path / "adapters")
    _, found = adapters.read(tmp_path / "adapters")
    renamed = {name.replace("layers.1.", "layers.9."): weight for name, weight in found.items()}
    save_file(renamed, tmp_path / "adapters" / adapters.WEIGHTS)
    with pytest.raises(KinetraceError, match="adapters of another model"):
        merge(tiny_vlm.params(), tmp_path / "adapters", tmp_path / "merged")
    assert not (tmp_path / "merged").exists()
