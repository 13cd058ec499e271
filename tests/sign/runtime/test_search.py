import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.metrics.embedding import unit
from kinetrace.sign.params import FusionParams
from kinetrace.sign.runtime.search import References, best, search

EQUAL = FusionParams(clip=1, prototype=1, text=1)


def drawn(seed: int, clips: int = 12, sentences: int = 4, size: int = 5) -> tuple[References, np.ndarray]:
    """Random references with ids 10, 20, …, and three queries."""
    generator = np.random.default_rng(seed)
    labels = 10 * (1 + np.concatenate([np.arange(sentences), generator.integers(sentences, size=clips - sentences)]))
    texts = {10 * (1 + place): vector for place, vector in enumerate(unit(generator.normal(size=(sentences, size))))}
    sentences_by_id = {label: f"sentence {label}" for label in texts}
    references = References.of(unit(generator.normal(size=(clips, size))), labels, texts, sentences_by_id)
    return references, unit(generator.normal(size=(3, size)))


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_scores_are_those_of_plain_loops(seed):
    references, queries = drawn(seed)
    found = search(queries, references, FusionParams(clip=2, prototype=1, text=1))
    for row, query in enumerate(queries):
        for place in range(4):
            clips = references.clips_ND[references.places_N == place]
            mean = clips.mean(0) / np.linalg.norm(clips.mean(0))
            best_clip, prototype, text = max(clips @ query), mean @ query, references.texts_LD[place] @ query
            scores = [found.clip[row, place], found.prototype[row, place], found.text[row, place]]
            np.testing.assert_allclose(scores, [best_clip, prototype, text])
            assert found.fused[row, place] == pytest.approx((2 * best_clip + prototype + text) / 4)


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 3))
def test_a_sentence_left_out_is_as_if_it_had_never_been_there(seed, gone):
    references, queries = drawn(seed)
    kept = references.places_N != gone
    ids = references.sentence_ids_L
    texts = {int(label): vector for label, vector in zip(ids, references.texts_LD, strict=True) if label != ids[gone]}
    labels = ids[references.places_N[kept]]
    smaller = References.of(references.clips_ND[kept], labels, texts, {label: str(label) for label in texts})
    without = search(queries, references, EQUAL).without(np.full(3, gone))
    others = np.arange(4) != gone
    assert np.isneginf(without.fused[:, gone]).all() and np.isneginf(without.clip[:, gone]).all()
    for name, values in vars(search(queries, smaller, EQUAL)).items():
        np.testing.assert_allclose(getattr(without, name)[:, others], values)


def test_each_query_may_leave_out_another_sentence():
    references, queries = drawn(0)
    whole = search(queries, references, EQUAL)
    found = whole.without(np.array([0, 2, 3]))
    assert [row.argmin() for row in found.fused] == [0, 2, 3]
    assert np.isfinite(whole.fused).all()  # what was given is as it was


def test_ids_with_the_same_words_are_one_sentence():
    clips, texts = unit(np.eye(3) + 0.1), dict(enumerate(np.eye(3)))
    references = References.of(clips, np.array([2, 1, 0]), texts, {0: "tea", 1: "coffee", 2: "tea"})
    assert references.sentence_ids_L.tolist() == [0, 1]
    assert references.place(np.array([0, 1, 2, 7])).tolist() == [0, 1, 0, -1]
    np.testing.assert_allclose(references.prototypes_LD[0], unit(clips[[0, 2]].mean(0)[None])[0])


def test_a_sentence_without_a_text_is_named():
    with pytest.raises(ValueError, match="sentence 7 has clips and no text"):
        References.of(np.eye(2), np.array([3, 7]), {3: np.ones(2)}, {3: "tea", 7: "coffee"})


def test_the_best_come_first_and_equal_ones_in_order():
    assert best(np.array([[0.1, 0.9, 0.5, 0.9]]), 3).tolist() == [[1, 3, 2]]
    assert best(np.array([[0.1, 0.9]]), 5).tolist() == [[1, 0]]


def test_only_some_queries():
    references, queries = drawn(1)
    whole = search(queries, references, EQUAL)
    some = whole.only(np.array([True, False, True]))
    assert len(some) == 2
    np.testing.assert_array_equal(some.prototype, whole.prototype[[0, 2]])
