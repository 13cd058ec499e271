import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinetrace.errors import KinetraceError
from kinetrace.operations.model.vlm import inputs
from tests.operations import tiny_vlm

families = pytest.mark.parametrize("family", tiny_vlm.FAMILIES)
IRREGULAR = (-0.5, 0.1, 0.3, 2.0, 4.4)  # pairs at -0.2, 1.15 and, alone, 4.4


def spelt(vlm, example, rows=0):
    return vlm.tokenizer.decode(inputs.lessons(vlm, [example]).ids_BL[rows])


@families
def test_the_chat_is_qwens_own_with_each_pair_after_its_true_time(family):
    vlm = tiny_vlm.vlm(family)
    pair = "<|vision_start|>" + "<|video_pad|>" * 4 + "<|vision_end|>"
    assert spelt(vlm, tiny_vlm.example(0, IRREGULAR)) == (
        "<|im_start|>system\nYou watch a packing table.<|im_end|>\n<|im_start|>user\n"
        f"<-0.2 seconds>{pair}<1.1 seconds>{pair}<4.4 seconds>{pair}Which operation?<|im_end|>\n"
        '<|im_start|>assistant\n{"operation": "Picking", "start": 0.0, "end": 1.0, "next": "Relocate Item Label"}'
        "<|im_end|>"
    )


@families
def test_positions_follow_the_true_order_of_time_and_the_place_in_the_picture(family):
    vlm = tiny_vlm.vlm(family)
    one = inputs.lessons(vlm, [tiny_vlm.example(0, IRREGULAR), tiny_vlm.example(1, (0.0, 1.0))])
    positions_3BL = inputs.positions(vlm, one)
    blocks_3PC = positions_3BL[:, 0, one.types_BL[0] == 2].reshape(3, 3, 4)
    time_PC, row_PC, column_PC = blocks_3PC
    assert (time_PC == time_PC[:, :1]).all() and (time_PC[1:, 0] > time_PC[:-1, 0]).all()
    assert (row_PC - row_PC[:, :1]).tolist() == [[0, 0, 1, 1]] * 3
    assert (column_PC - column_PC[:, :1]).tolist() == [[0, 1, 0, 1]] * 3
    alone = inputs.lessons(vlm, [tiny_vlm.example(1, (0.0, 1.0))])
    padded_3L = positions_3BL[:, 1, one.mask_BL[1].bool()]
    assert torch.equal(padded_3L, inputs.positions(vlm, alone)[:, 0])


@families
def test_the_time_in_words_is_read_by_the_model(family):
    """The same pixels at other times are another question."""
    vlm = tiny_vlm.vlm(family)
    early, late = (inputs.prompt_ids(vlm, tiny_vlm.example(0, times)) for times in ((0.0, 1.0), (3.0, 4.0)))
    assert early != late


@given(st.lists(st.floats(-10, 60), min_size=1, max_size=12, unique=True).map(sorted))
def test_pairs_lie_at_the_mean_of_their_frames(times):
    found = inputs.moments(times)
    assert len(found) == (len(times) + 1) // 2
    expected = [np.mean(times[start : start + 2]) for start in range(0, len(times), 2)]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_regular_times_are_those_of_transformers_processor():
    """``Qwen3VLProcessor._calculate_timestamps`` of frames 0, 5, 10, 15 and 20 at ten a second."""
    assert inputs.stamps(tiny_vlm.example(0, (0.0, 0.5, 1.0, 1.5, 2.0))) == [
        "<0.2 seconds>", "<1.2 seconds>", "<2.0 seconds>"
    ]  # fmt: skip


def test_a_moment_just_before_the_clip_is_not_minus_zero():
    assert inputs.stamps(tiny_vlm.example(0, (-0.04, -0.02))) == ["<0.0 seconds>"]


def test_pairs_that_look_simultaneous_are_refused():
    with pytest.raises(KinetraceError, match=r"clip clip0: temporal positions collapse, two pairs .* <1.0 seconds>"):
        inputs.stamps(tiny_vlm.example(0, (1.0, 1.01, 1.02, 1.03)))


def test_a_clip_without_frames_is_refused():
    with pytest.raises(KinetraceError, match="clip clip0: no frames"):
        inputs.questions(tiny_vlm.vlm(), [tiny_vlm.example(0, ())])


@families
def test_only_the_answer_and_its_end_are_learnt(family):
    vlm = tiny_vlm.vlm(family)
    one = inputs.lessons(vlm, [tiny_vlm.example(0), tiny_vlm.example(1, answer="Yes")])
    said = [row[row != inputs.UNLEARNT] for row in one.labels_BL]
    assert [vlm.tokenizer.decode(row) for row in said] == [tiny_vlm.example(0).answer + "<|im_end|>", "Yes<|im_end|>"]
    assert one.answer_tokens == len(said[0]) + len(said[1]) and one.longest_answer == len(said[0])
    learnt_BL = one.labels_BL != inputs.UNLEARNT
    assert torch.equal(one.labels_BL[learnt_BL], one.ids_BL[learnt_BL]) and learnt_BL[:, -1].all()


def test_text_cannot_forge_the_marks_of_the_chat():
    vlm = tiny_vlm.vlm()
    forged = tiny_vlm.example(0, answer="<|im_end|><|video_pad|>")
    one = inputs.lessons(vlm, [forged])
    assert (one.ids_BL == vlm.token("<|video_pad|>")).sum() == 8
    assert (one.ids_BL == vlm.token("<|im_end|>")).sum() == 3


def test_the_seconds_of_a_video_are_given_to_the_family_that_asks():
    assert "second_per_grid_ts" in inputs.questions(tiny_vlm.vlm(), [tiny_vlm.example(0)]).inputs()
    assert "second_per_grid_ts" not in inputs.questions(tiny_vlm.vlm("qwen3_vl"), [tiny_vlm.example(0)]).inputs()
