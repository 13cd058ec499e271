import pytest
import torch
from peft import LoraConfig, get_peft_model

from kinetrace.errors import KinetraceError
from kinetrace.operations.model.vlm import guards, inputs
from kinetrace.operations.model.vlm.loading import quiet
from tests.operations import tiny_vlm


def test_a_skip_list_that_matches_nothing():
    core = tiny_vlm.vlm(quantization="nf4").core
    guards.quantized(core)
    with pytest.raises(KinetraceError, match="'visual', which is to stay as it is, matches no layer"):
        guards.quantized(core, ["visual", "lm_head"])


def test_a_language_model_that_is_not_in_four_bits():
    with pytest.raises(KinetraceError, match="layers of the language model are not in 4 bits"):
        guards.quantized(tiny_vlm.vlm(quantization="no").core)


def test_adapters_inside_the_vision_tower():
    """Names alone match the tower's layers too."""
    with quiet():
        model = get_peft_model(tiny_vlm.vlm().core, LoraConfig(target_modules=["gate_proj", "up_proj", "down_proj"]))
    with pytest.raises(KinetraceError, match=r"outside the language model's layers, at .*model.visual.blocks.0.mlp"):
        guards.adapted(model)


def test_no_adapters():
    with pytest.raises(KinetraceError, match="the model has no adapters"):
        guards.adapted(tiny_vlm.vlm().core)


@pytest.mark.parametrize("family", tiny_vlm.FAMILIES)
def test_missing_token_types(family):
    vlm = tiny_vlm.vlm(family)
    one = inputs.lessons(vlm, [tiny_vlm.example(0)])
    with pytest.raises(KinetraceError, match="mm_token_type_ids are missing"):
        guards.token_types(one.ids_BL, None, vlm.token("<|video_pad|>"))
    with pytest.raises(KinetraceError, match="mm_token_type_ids are missing or do not mark the video"):
        guards.token_types(one.ids_BL, torch.zeros_like(one.types_BL), vlm.token("<|video_pad|>"))


def test_positions_in_a_line_are_what_qwen2_5_uses_without_token_types():
    vlm = tiny_vlm.vlm()
    one = inputs.lessons(vlm, [tiny_vlm.example(0)])
    line_3BL = torch.arange(one.ids_BL.shape[1]).expand(3, 1, -1)
    with pytest.raises(KinetraceError, match="collapse or run in a line"):
        guards.positions(line_3BL, one.types_BL, vlm.cells)


def test_temporal_positions_that_collapse():
    """Two pairs, 0.4 s apart, as Qwen2.5-VL counts time inside one video: half a second is the smallest step."""
    vlm = tiny_vlm.vlm()
    types_BL = torch.tensor([[0, *[2] * 8, 0]])
    grid, mask = torch.tensor([[2, 4, 4]]), torch.ones(1, 10, dtype=torch.long)
    ids = torch.where(types_BL == 2, vlm.token("<|video_pad|>"), 0)

    def rope(seconds):
        return vlm.core.model.get_rope_index(
            ids, types_BL, video_grid_thw=grid, second_per_grid_ts=torch.tensor([seconds]), attention_mask=mask
        )[0]

    guards.positions(rope(0.5), types_BL, 4)
    with pytest.raises(KinetraceError, match=r"temporal positions of video tokens collapse .*: \[1, 1\]"):
        guards.positions(rope(0.4), types_BL, 4)


def test_cells_at_one_place():
    with pytest.raises(KinetraceError, match="positions of the cells of a picture are not distinct"):
        guards.positions(torch.ones(3, 1, 4, dtype=torch.long), torch.full((1, 4), 2), 4)


def test_empty_clips_and_times_that_do_not_fit():
    with pytest.raises(KinetraceError, match="clip a: no frames"):
        guards.frames(0, [], "a")
    with pytest.raises(KinetraceError, match="clip a: 2 frames but 1 times"):
        guards.frames(2, [0.0], "a")
    with pytest.raises(KinetraceError, match=r"clip a: times of frames do not increase: \[0.0, 0.0\]"):
        guards.frames(2, [0.0, 0.0], "a")


def test_no_answer_tokens():
    with pytest.raises(KinetraceError, match="example 1 of a batch has no answer tokens"):
        inputs.lessons(tiny_vlm.vlm(), [tiny_vlm.example(0), tiny_vlm.example(1, answer="")])


def test_features_that_overflow():
    with pytest.raises(KinetraceError, match="clip a: vision features overflow 16 bits"):
        guards.finite([torch.tensor([1.0, 1e5]).half()], "a")
