import numpy as np
import pytest
import torch

from kinetrace.tokens.data.chunks import cut
from kinetrace.tokens.data.landmarks import POINTS
from kinetrace.tokens.model import inference
from kinetrace.tokens.model.inference import decode, encode, tokenized
from tests.tokens.clips import LENGTHS, corpus, several, tokenizer, wander

MODELS = {name: tokenizer(model__encoder=name) for name in ("mlp", "transformer")}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [1, 9, 2048])
def test_clips_in_any_grouping_are_each_clip_alone(tmp_path, monkeypatch, name, size):
    monkeypatch.setattr(inference, "WINDOWS", size)
    made = several(tmp_path)
    found = list(tokenized(MODELS[name], made))
    assert len(found) == len(LENGTHS)
    for clip, (length, one) in enumerate(zip(LENGTHS, found, strict=True)):
        alone = cut(wander(length, clip, 0.2), made.params)
        assert one.chunks.frames == length and one.chunks.starts.tolist() == alone.starts.tolist()
        assert np.array_equal(one.chunks.mask, alone.mask) and np.array_equal(one.chunks.units, alone.units)
        for part, codes in encode(MODELS[name], alone).items():
            assert np.array_equal(one.codes[part], codes)
            assert np.array_equal(one.chunks.values[part], alone.values[part])
            assert np.array_equal(one.chunks.known[part], alone.known[part])
            assert np.array_equal(one.chunks.present[part], alone.present[part])


def test_an_absent_part_has_no_codes_and_no_positions(tmp_path):
    frames = wander(20).reshape(20, POINTS, 3)
    frames[:10, 91, 2] = 0  # the left wrist
    (one,) = tokenized(MODELS["mlp"], corpus(tmp_path, {"clip": frames.reshape(20, -1)}))
    assert one.chunks.present["left_hand"].tolist() == [False, True, True]
    codes = one.codes["left_hand"]
    assert codes.dtype == np.int64 and codes.shape == (3, 2)
    assert (codes[0] == -1).all() and (codes[1:] >= 0).all()
    positions = decode(MODELS["mlp"], one.codes)
    assert positions["left_hand"].shape == (3, 10, 21, 2) and positions["left_hand"].dtype == np.float32
    assert not positions["left_hand"][0].any() and positions["left_hand"][1:].any()
    assert positions["body"][0].any()


def test_a_clip_that_shows_nothing_is_all_absent(tmp_path):
    (one,) = tokenized(MODELS["mlp"], corpus(tmp_path, {"clip": np.zeros((7, 3 * POINTS))}))
    assert all((codes == -1).all() and codes.shape == (1, 2) for codes in one.codes.values())
    assert not any(values.any() for values in decode(MODELS["mlp"], one.codes).values())


def test_codes_decode_as_the_network_does(tmp_path):
    made = several(tmp_path)
    one = next(tokenized(MODELS["mlp"], made))
    found = decode(MODELS["mlp"], one.codes)["body"]
    with torch.inference_mode():
        expected = MODELS["mlp"].decode("body", torch.from_numpy(one.codes["body"])).numpy()
    assert np.array_equal(found, expected)


def test_what_the_first_levels_say_decodes_alone():
    codes = {"body": np.array([[3, -1], [3, 4], [-1, -1]])}
    first, both, absent = decode(MODELS["mlp"], codes)["body"]
    assert first.any() and not np.array_equal(first, both) and not absent.any()
