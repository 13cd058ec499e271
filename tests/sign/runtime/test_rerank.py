"""The second look: what it keeps of tokens, which clips it takes, what it adds up; files that are not what they say."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kinetrace import files
from kinetrace.errors import KinetraceError
from kinetrace.sign.params import RerankParams
from kinetrace.sign.runtime.dtw import align
from kinetrace.sign.runtime.rerank import CONFIG, FRAMES, Projection, Reranker, Second

ROOT = Path(__file__).resolve().parents[3]
WIDTH, SENTENCES, TAKES = 16, 6, 4
LABELS = np.repeat(np.arange(SENTENCES) * 10, TAKES)
PLACES = np.searchsorted(np.unique(LABELS), LABELS)


def params(**changes):
    usual = {
        "backend": "exact", "top": 10, "clips": 2, "radius": 4, "alpha": 0.8, "decay": 3.0, "dimensions": 8,
    }  # fmt: skip
    return RerankParams.model_validate(usual | changes)


def take(sentence, number, noise=0.3):
    """Tokens ``[N, WIDTH]`` of a sentence: its own way, at a pace and with noise of the take's own."""
    way = np.cumsum(np.random.default_rng([1, sentence]).normal(size=(12, WIDTH)), axis=0)
    generator = np.random.default_rng([2, sentence, number])
    place = np.linspace(0, 11, generator.integers(8, 20)).round().astype(int)
    return (way[place] + noise * generator.normal(size=(len(place), WIDTH))).astype(np.float32)


TOKENS = [take(sentence, number) for sentence in range(SENTENCES) for number in range(TAKES)]
SIMILARITY = np.random.default_rng(0).uniform(-1, 1, len(LABELS))


@pytest.fixture(scope="module")
def reranker():
    return Reranker.of(params(), TOKENS, LABELS)


def written(folder, **changes):
    """A bundle's folder as far as the second look reads it."""
    made = Reranker.of(params(**changes), TOKENS, LABELS)
    made.save(folder)
    files.write_json(folder / CONFIG, {"rerank": made.params.model_dump()})
    return made


def test_a_projection_keeps_the_directions_of_most_variance():
    tokens = np.concatenate(TOKENS)
    found = Projection.of(tokens, 5)
    _, _, directions = np.linalg.svd(tokens - tokens.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs(directions[:5] @ found.basis), np.eye(5), atol=1e-3)
    projected = (tokens - tokens.mean(0)) @ found.basis
    np.testing.assert_allclose(found(tokens), projected / np.linalg.norm(projected, axis=1, keepdims=True), atol=1e-5)


def test_with_all_dimensions_nothing_but_the_mean_is_lost():
    tokens = np.concatenate(TOKENS)
    centred = tokens - tokens.mean(0)
    unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    found = Projection.of(tokens, 1000)(tokens)
    assert found.shape == tokens.shape
    np.testing.assert_allclose(found @ found.T, unit @ unit.T, atol=1e-5)


def test_distances_are_those_of_the_alignment(reranker):
    query, chosen = take(2, 9), np.array([5, 0, 23])
    project = reranker.projection
    known = [project(TOKENS[clip]).astype(np.float16).astype(np.float32) for clip in chosen]
    expected = align(project(query), np.concatenate(known), np.cumsum([0, *map(len, known)]), 4).distances
    np.testing.assert_allclose(reranker.rerank(query, chosen), expected)


def test_half_precision_costs_next_to_nothing(reranker):
    query, clips = reranker.projection(take(2, 9)), [reranker.projection(tokens) for tokens in TOKENS]
    whole = align(query, np.concatenate(clips), np.cumsum([0, *map(len, clips)]), 4).distances
    np.testing.assert_allclose(reranker.rerank(take(2, 9), np.arange(len(TOKENS))), whole, atol=1e-3)


def test_both_backends_serve():
    found = [
        Reranker.of(params(backend=backend, radius=50), TOKENS, LABELS).rerank(take(0, 9), np.arange(8))
        for backend in ("exact", "fastdtw")
    ]
    np.testing.assert_allclose(*found, rtol=1e-5)


def test_no_candidate_gives_no_distance(reranker):
    assert reranker.rerank(take(0, 9), np.array([], np.int64)).shape == (0,)


@pytest.mark.parametrize(("top", "clips"), [(10, 2), (5, 1), (100, 3), (3, 100), (100, 100), (1, 1)])
def test_candidates_are_the_most_similar_clips_with_few_of_each_sentence(top, clips):
    made = Reranker.of(params(top=top, clips=clips), TOKENS, LABELS)
    expected, seen = [], dict.fromkeys(LABELS.tolist(), 0)
    for clip in sorted(range(len(LABELS)), key=lambda clip: -SIMILARITY[clip]):
        seen[LABELS[clip]] += 1
        if seen[LABELS[clip]] <= clips:
            expected.append(clip)
    assert made.candidates(SIMILARITY).tolist() == expected[:top]


def test_clips_that_are_equally_similar_stand_in_their_order(reranker):
    assert reranker.candidates(np.ones(len(LABELS))).tolist() == [0, 1, 4, 5, 8, 9, 12, 13, 16, 17]


def test_a_second_look_finds_the_sentence_that_the_first_has_third(reranker):
    similarity_L = np.array([0.1, 0.5, 0.2, 0.6, 0.55, 0.1])
    found = reranker.look(take(1, 9), similarity_L.repeat(TAKES))
    assert similarity_L.argsort()[::-1].tolist().index(1) == 2
    assert LABELS[found.clips[found.distances.argmin()]] == 10
    np.testing.assert_allclose(found.scores, np.exp(-3 * found.distances))
    assert reranker.both(similarity_L, PLACES, found).fused_L.argmax() == 1


def test_a_sentence_scores_by_its_best_clip_in_both_looks(reranker):
    second = Second(np.array([4, 5, 9]), np.zeros(3), np.array([0.5, 0.9, 0.3]))
    similarity_L = np.linspace(0.1, 0.6, SENTENCES)
    expected = 0.2 * similarity_L
    expected[1] += 0.8 * 0.9
    expected[2] += 0.8 * 0.3
    np.testing.assert_allclose(reranker.both(similarity_L, PLACES, second).fused_L, expected)


def test_what_was_not_looked_at_keeps_its_order_and_stays_behind(reranker):
    best = SIMILARITY.reshape(SENTENCES, TAKES).max(1)
    found = Reranker.of(params(top=3, clips=1), TOKENS, LABELS).look(take(0, 9), SIMILARITY)
    fused = reranker.both(best, PLACES, found).fused_L
    first, second = np.argsort(-best), np.argsort(-fused)
    assert set(second[:3]) == set(first[:3])
    assert second[3:].tolist() == first[3:].tolist()


def test_without_weight_the_first_look_stands():
    made = Reranker.of(params(alpha=0.0), TOKENS, LABELS)
    similarity_L = np.linspace(0.1, 0.6, SENTENCES)
    np.testing.assert_array_equal(
        made.both(similarity_L, PLACES, made.look(TOKENS[0], SIMILARITY)).fused_L, similarity_L
    )


@pytest.mark.parametrize("tokens", [np.zeros((0, WIDTH)), np.full((3, WIDTH), np.nan)])
def test_a_query_without_tokens_or_with_no_numbers_is_refused(reranker, tokens):
    with pytest.raises(ValueError, match=r"frames|finite"):
        reranker.rerank(tokens, np.array([0]))


def test_what_is_saved_answers_the_same(tmp_path):
    made, found = written(tmp_path), Reranker.load(tmp_path)
    assert found is not None and found.params == made.params
    for one, other in zip(made.look(take(3, 9), SIMILARITY).__dict__.values(),
                          found.look(take(3, 9), SIMILARITY).__dict__.values(), strict=True):  # fmt: skip
        np.testing.assert_array_equal(one, other)


def test_the_same_gallery_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        written(tmp_path / name)
    assert (tmp_path / "a" / FRAMES).read_bytes() == (tmp_path / "b" / FRAMES).read_bytes()


def test_a_bundle_that_has_it_off_has_none(tmp_path):
    files.write_json(tmp_path / CONFIG, {"rerank": params(alpha=0.0).model_dump()})
    assert Reranker.load(tmp_path) is None


def test_a_bundle_without_the_section_is_refused(tmp_path):
    files.write_json(tmp_path / CONFIG, {})
    with pytest.raises(KinetraceError, match="rerank: the section is missing"):
        Reranker.load(tmp_path)


def test_missing_frames_are_named(tmp_path):
    written(tmp_path)
    (tmp_path / FRAMES).unlink()
    with pytest.raises(KinetraceError, match=FRAMES):
        Reranker.load(tmp_path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("offsets", lambda found: found[:-1]),
        ("offsets", lambda found: found + 1),
        ("offsets", lambda found: found[::-1]),
        ("labels", lambda found: found[:-1]),
        ("frames", lambda found: found[:-1]),
        ("frames", lambda found: found[:, :-1]),
        ("frames", lambda found: found.ravel()),
        ("basis", lambda found: found[:-1]),
        ("mean", lambda found: found[:-1]),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, name, change):
    written(tmp_path)
    found = files.read_npz(tmp_path / FRAMES)
    files.write_npz(tmp_path / FRAMES, found | {name: change(found[name])})
    with pytest.raises(KinetraceError, match="do not fit"):
        Reranker.load(tmp_path)


@pytest.mark.parametrize("name", ["frames", "offsets", "labels", "mean", "basis"])
def test_an_array_that_is_missing_is_named(tmp_path, name):
    written(tmp_path)
    found = files.read_npz(tmp_path / FRAMES)
    files.write_npz(tmp_path / FRAMES, {key: value for key, value in found.items() if key != name})
    with pytest.raises(KinetraceError, match=f"no array '{name}'"):
        Reranker.load(tmp_path)


def test_it_runs_without_torch():
    code = (
        "import sys; import kinetrace.sign.runtime.rerank; sys.exit('torch' in sys.modules or 'numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
