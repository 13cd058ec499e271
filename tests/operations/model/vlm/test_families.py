import numpy as np
import pytest
from PIL import Image
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from kinetrace.errors import KinetraceError
from kinetrace.operations.model.vlm.families import NORMS, Family
from tests.operations import tiny_vlm

QWEN2_5 = Family("qwen2_5_vl", 14, 2, 2, *NORMS["qwen2_5_vl"], True)
QWEN3 = Family("qwen3_vl", 16, 2, 2, *NORMS["qwen3_vl"], False)


def pictures(count, height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def processed(family, frame, pixels):
    """What transformers' own processor makes of one picture, which it shows as two equal frames."""
    side = family.side(pixels) * family.patch * family.merge
    processor = Qwen2VLImageProcessorPil(
        patch_size=family.patch, image_mean=list(family.mean), image_std=list(family.spread),
        size={"shortest_edge": side**2, "longest_edge": side**2},
    )  # fmt: skip
    return processor(images=[Image.fromarray(frame)], return_tensors="np")["pixel_values"]


@pytest.mark.parametrize("family", [QWEN2_5, QWEN3], ids=lambda family: family.name)
@pytest.mark.parametrize(("size", "pixels"), [(336, 336), (64, 84), (280, 140)])
def test_patches_are_those_of_the_published_processor(family, size, pixels):
    frame = pictures(1, size, size)[0]
    ours = family.patches(np.stack([frame, frame]), pixels)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, processed(family, frame, pixels), atol=1e-6, rtol=0)


def test_two_frames_lie_side_by_side_in_each_patch():
    first, second = pictures(2, 56, 56)
    patches = QWEN2_5.patches(np.stack([first, second]), 56).reshape(16, 3, 2, 196)
    for place, frame in enumerate((first, second)):
        alone = processed(QWEN2_5, frame, 56).reshape(16, 3, 2, 196)[:, :, 0]
        np.testing.assert_allclose(patches[:, :, place], alone, atol=1e-6, rtol=0)


def test_an_odd_last_frame_is_repeated():
    three = pictures(3, 56, 56)
    np.testing.assert_array_equal(QWEN2_5.patches(three, 56), QWEN2_5.patches(three[[0, 1, 2, 2]], 56))


def test_a_picture_holds_whole_cells():
    assert (QWEN2_5.side(336), QWEN3.side(336), QWEN3.side(320)) == (12, 10, 10)
    with pytest.raises(KinetraceError, match=r"model.vlm.pixels: 28, expected 32 or more"):
        QWEN3.side(28)


@pytest.mark.parametrize("name", tiny_vlm.FAMILIES)
def test_a_family_is_told_by_the_configuration(name):
    family = tiny_vlm.vlm(name).family
    expected = {"qwen2_5_vl": QWEN2_5, "qwen3_vl": QWEN3}[name]
    assert family == expected


def test_a_model_of_another_kind_is_refused():
    class Config:
        model_type = "llama"

    with pytest.raises(KinetraceError, match="a model of type 'llama', expected one of qwen2_5_vl, qwen3_vl"):
        Family.of(Config())
