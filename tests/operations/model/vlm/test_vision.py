import os

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from kinetrace.errors import KinetraceError
from kinetrace.operations.model.vlm import inputs, vision
from kinetrace.operations.model.vlm.vision import Features
from tests.operations import tiny_vlm

families = pytest.mark.parametrize("family", tiny_vlm.FAMILIES)


def counted(place, times=(0.0, 1.2, 2.6, 4.1)):
    """An example and the list that grows each time its frames are read."""
    reads = []
    example = tiny_vlm.example(place, times)

    def read():
        reads.append(place)
        return example.read()

    return inputs.Example(**{**vars(example), "read": read}), reads


def logits(vlm, one, **vision_arguments):
    with torch.no_grad():
        return vlm.core(**one.inputs(), **vision_arguments).logits[one.mask_BL.bool()]


@families
@pytest.mark.parametrize("quantization", ["nf4", "no"])
def test_cached_features_give_the_logits_of_pixels(tmp_path, family, quantization):
    vlm = tiny_vlm.vlm(family, quantization=quantization)
    examples = [tiny_vlm.example(0), tiny_vlm.example(1, (0.0, 0.7, 3.0))]
    one = inputs.lessons(vlm, examples)
    patches = np.concatenate([vlm.family.patches(example.read()[: len(example.times)], vlm.params.pixels)
                              for example in examples])  # fmt: skip
    direct = logits(vlm, one, pixel_values_videos=torch.from_numpy(patches))
    Features(vlm, tmp_path).fill(examples)
    cached = logits(vlm, one, mm_encoder_outputs=vision.encoder_outputs(vlm, Features(vlm, tmp_path).of(examples)))
    assert (cached - direct).abs().max() < 2e-3 * direct.abs().max()
    exact = vlm.core.model.get_video_features(torch.from_numpy(patches), one.grid_V3)
    assert torch.equal(logits(vlm, one, mm_encoder_outputs={"video": exact}), direct)
    blank = {"video": vlm.core.model.get_video_features(torch.zeros_like(torch.from_numpy(patches)), one.grid_V3)}
    assert (logits(vlm, one, mm_encoder_outputs=blank) - direct).abs().max() > 0.1 * direct.abs().max()


@families
def test_features_are_computed_once(tmp_path, family):
    vlm = tiny_vlm.vlm(family)
    example, reads = counted(0)
    first = Features(vlm, tmp_path).of([example])[0]
    again = Features(tiny_vlm.vlm(family), tmp_path).of([example])[0]
    assert reads == [0] and all(torch.equal(*parts) for parts in zip(first.parts, again.parts, strict=True))
    assert all(part.shape == (8, 64) and part.dtype == torch.float16 for part in first.parts)
    assert len(first.parts) == {"qwen2_5_vl": 1, "qwen3_vl": 2}[family]


def test_features_of_a_clip_do_not_depend_on_its_company(tmp_path):
    vlm = tiny_vlm.vlm()
    alone = Features(vlm).of([tiny_vlm.example(1)])[0]
    among = Features(vlm).of([tiny_vlm.example(place) for place in range(3)])[1]
    assert torch.equal(alone.parts[0], among.parts[0])


def test_other_frames_pictures_towers_and_readings_have_features_of_their_own(tmp_path):
    vlm = tiny_vlm.vlm()
    example, reads = counted(0)
    Features(vlm, tmp_path).of([example])
    later, later_reads = counted(0, (0.0, 1.2, 2.6, 4.2))
    Features(vlm, tmp_path).of([later])
    Features(vlm, tmp_path, reading="other").of([example])
    Features(tiny_vlm.vlm(pixels=84), tmp_path).of([example])
    other = tiny_vlm.vlm()
    other.tower.patch_embed.proj.weight.data += 1
    Features(other, tmp_path).of([example])
    assert later_reads == [0] and reads == [0] * 4


def test_filling_says_what_was_missing_and_a_damaged_file_is_computed_again(tmp_path):
    vlm = tiny_vlm.vlm()
    examples, reads = zip(*[counted(place) for place in range(3)], strict=True)
    features = Features(vlm, tmp_path)
    assert features.fill(examples[:2]) == 2 and features.fill(examples) == 1
    expected = features.of(examples[:1])[0].parts[0]
    path = features._path(examples[0])
    for damage in (b"", path.read_bytes()[:-10], vision_file_of_other_length(tmp_path)):
        path.write_bytes(damage)
        assert torch.equal(features.of(examples[:1])[0].parts[0], expected)
    assert reads == ([0] * 4, [1], [2])


def vision_file_of_other_length(folder):
    from safetensors.torch import save

    return save({"00": torch.zeros(4, 64).half()})


def test_the_longest_unused_features_go_first(tmp_path):
    vlm = tiny_vlm.vlm()
    one_file = Features(vlm, tmp_path / "size")
    one_file.of([tiny_vlm.example(0)])
    size = one_file._path(tiny_vlm.example(0)).stat().st_size
    features = Features(vlm, tmp_path, limit=2 * size)
    for place in (0, 1):
        features.of([tiny_vlm.example(place)])
        os.utime(features._path(tiny_vlm.example(place)), (place, place))
    features.of([tiny_vlm.example(0)])  # used again: now 1 is the oldest
    features.of([tiny_vlm.example(2)])
    kept = [place for place in range(3) if features._path(tiny_vlm.example(place)).is_file()]
    assert kept == [0, 2]
    assert set(load_file(features._path(tiny_vlm.example(2)))) == {"00"}


def test_without_a_cache_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    example, reads = counted(0)
    features = Features(tiny_vlm.vlm())
    assert features.fill([example]) == 0
    features.of([example])
    features.of([example])
    assert reads == [0, 0] and not list(tmp_path.iterdir())


def test_empty_clips_are_refused():
    example = inputs.Example(**{**vars(tiny_vlm.example(0)), "read": lambda: np.empty((0, 56, 56, 3), np.uint8)})
    with pytest.raises(KinetraceError, match="clip clip0: no frames"):
        Features(tiny_vlm.vlm()).of([example])


def test_features_that_overflow_are_refused():
    vlm = tiny_vlm.vlm()
    vlm.tower.merger.mlp[2].weight.data *= 1e6
    with pytest.raises(KinetraceError, match="clip clip0: vision features overflow 16 bits"):
        Features(vlm).of([tiny_vlm.example(0)])
