import json

import numpy as np
import pytest

from kinetrace.metrics import bitrate, codebook
from kinetrace.tokens.evaluate import books
from kinetrace.tokens.evaluate.books import Level
from kinetrace.tokens.model.codec import rle, template
from kinetrace.tokens.model.codec.jsonl import Tokens
from kinetrace.tokens.model.codec.spec import Book, Spec

SPEC = Spec((Book("face", 2, 4), Book("left_hand", 1, 8)))
ABSENT = {"face": [np.full((3, 2), -1)], "left_hand": [np.full((3, 1), -1)]}


def codes(face: list[list[int]], hand: list[int]) -> dict[str, list[np.ndarray]]:
    """One clip."""
    return {"face": [np.array(face)], "left_hand": [np.array(hand)[:, None]]}


def test_levels_are_told_apart():
    """One level uses every code, the other a single one: together they would look well used."""
    first, second, hand = books.levels(codes([[0, 3], [1, 3], [2, 3], [3, 3]], [5, 5, -1, 5]), SPEC)
    assert [level.name for level in (first, second, hand)] == ["face/a", "face/b", "left_hand/a"]
    assert first.figures == pytest.approx({"utilization": 1, "perplexity": 1, "entropy": 2})
    assert second.figures == pytest.approx({"utilization": 0.25, "perplexity": 0.25, "entropy": 0})
    assert hand.chunks == 3
    assert books.worst([first, second, hand], "utilization") is hand
    assert books.worst([first, second], "perplexity") is second


def test_the_uniform_ceiling_is_that_of_as_many_chunks():
    level = Level("face", "a", np.array([5, 1, 0, 4]))
    ceiling = codebook.sampling_ceiling(10, 4)
    assert level.uniform["utilization"] == ceiling.utilization
    assert level.uniform["perplexity"] == pytest.approx(ceiling.perplexity / 4)
    assert 2 ** level.uniform["entropy"] == pytest.approx(ceiling.perplexity)


def test_a_book_that_no_chunk_uses_is_unknown_and_comes_last():
    empty, used = Level("face", "a", np.zeros(4, int)), Level("face", "b", np.array([9, 0, 0, 0]))
    assert all(np.isnan(value) for value in [*empty.figures.values(), *empty.uniform.values()])
    assert books.worst([empty, used], "utilization") is used
    assert empty.summary()["utilization"] is None


def test_details_are_json_even_where_a_part_is_never_seen():
    found = books.detail(codes([[0, 1], [1, 1]], [1, 2]), ABSENT, SPEC)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    levels = found["face"]["levels"]
    assert found["face"]["codes"] == 4
    assert set(levels) == {"a", "b"}
    assert levels["a"]["train"]["used"] == 2
    assert levels["a"]["train"]["hits"] == {"most": 1, "p90": 1, "median": 0.5, "p10": 0, "least": 0}
    assert levels["a"]["test"]["entropy"] is None


def test_conditional_entropy_is_of_each_level():
    found = books.detail(codes([[0, 0], [1, 1], [0, 2], [1, 0], [0, 3]], [0] * 5), ABSENT, SPEC)["face"]["levels"]
    assert found["a"]["train"]["conditional_entropy"] == pytest.approx(0, abs=1e-9)  # 0 and 1 take turns
    assert found["b"]["train"]["conditional_entropy"] > 0.4


def test_bits_of_a_clip_by_hand():
    test = codes([[0, 0], [0, 0], [1, 2]], [-1, 7, 7])
    found = books.bits(codes([[0, 0]] * 9, [7] * 9), test, SPEC)
    assert found["face"]["raw"].tolist() == [3 * 2 * 2]
    assert found["face"]["rle"].tolist() == [2 * 2 * 2 + 3 + 1]  # two runs, their lengths 2 and 1 in the gamma code
    assert found["left_hand"]["raw"].tolist() == [2 * 3]
    hits = codebook.hits([np.full((9, 1), 7)], 8)
    assert found["left_hand"]["static"] == pytest.approx(bitrate.static_bits(test["left_hand"], hits))
    assert found["left_hand"]["static"][0] < found["left_hand"]["raw"][0]  # training has seen the 7 alone
    assert found["face"]["presence"][0] > 0


def test_bits_of_clips_in_which_a_part_is_absent():
    found = books.bits(codes([[0, 0]], [1]), ABSENT, SPEC)
    for part in found.values():
        assert [part[way].tolist() for way in ("raw", "rle", "adaptive", "static")] == [[0]] * 4


def video(face: list[list[int]], hand: list[int]) -> Tokens:
    one = {part: clip[0] for part, clip in codes(face, hand).items()}
    return Tokens("clip", 25.0, 5 * len(face) + 5, 10, 5, SPEC, one)


GOOD = video([[0, 1], [0, 1], [-1, -1], [3, 3]], [7, 7, 7, -1])


@pytest.mark.parametrize("one", [GOOD, video([[0, 1]], [-1]), video([[-1, -1]] * 100, [3] * 100)])
def test_codes_that_survive_every_way_are_let_through(one):
    books.refuse_loss(one)


@pytest.mark.parametrize(("module", "name", "way"), [(rle, "decode", "RLE"), (template, "parse", "template")])
def test_a_way_that_loses_codes_is_refused_by_name(monkeypatch, module, name, way):
    right = getattr(module, name)

    def wrong(*arguments):
        found = right(*arguments)
        if isinstance(found, dict):
            return {part: np.roll(rows, 1, axis=0) for part, rows in found.items()}
        return np.roll(found, 1, axis=0)

    monkeypatch.setattr(module, name, wrong)
    with pytest.raises(RuntimeError, match=f"'clip': {way}.* did not give its codes back"):
        books.refuse_loss(GOOD)
