import numpy as np
import pytest

from kinetrace.sign.evaluate import ranking

LABELS = np.array([4, 4, 4, 8, 8, 9])
SUBJECTS = np.array(["a", "a", "b", "a", "b", "b"])
GENERATOR = np.random.default_rng(0)


def similarities(columns=6):
    return GENERATOR.normal(size=(len(LABELS), columns))


def leave_one_out(similarity, allowed):
    """One clip at a time: the rank of its sentence among those of the clips that it may ask, or None."""
    found = []
    for query, label in enumerate(LABELS):
        best = {}
        for other in np.flatnonzero(allowed[query]):
            best[LABELS[other]] = max(best.get(LABELS[other], -9.0), similarity[query, other])
        found.append(1 + sum(score > best[label] for score in best.values()) if label in best else None)
    return found


@pytest.mark.parametrize("stem", [ranking.WITHIN, ranking.ACROSS])
def test_clips_among_themselves_agree_with_one_clip_at_a_time(stem):
    similarity = similarities()
    same = SUBJECTS[:, None] == SUBJECTS[None]
    allowed = same & ~np.eye(6, dtype=bool) if stem == ranking.WITHIN else ~same
    found = ranking.sign_to_sign(similarity, similarity, LABELS, LABELS, SUBJECTS)[stem]
    for rank, weight, wanted in zip(found.ranks, found.weights, leave_one_out(similarity, allowed), strict=True):
        assert weight == (wanted is not None)
        assert wanted is None or rank == wanted


def test_a_clip_is_never_its_own_answer():
    found = ranking.sign_to_sign(np.eye(6), 9 * np.eye(6), LABELS, LABELS, SUBJECTS)
    assert (found[ranking.WITHIN].ranks[:2] > 1).all()


def test_searches_that_no_clip_can_win_are_left_out():
    alone = np.array(["a"] * 6)
    assert set(ranking.sign_to_sign(similarities(), similarities(), LABELS, LABELS, alone)) == {"", "within/"}
    apart = np.arange(6)
    assert set(ranking.sign_to_sign(similarities(), similarities(), apart, apart, alone)) == {""}


def test_a_text_finds_its_first_clip_and_every_sentence_counts_alike():
    similarity = np.array([[0.1, 0, 0], [0.9, 0, 0], [0.2, 0, 0], [0.5, 0.7, 0.1], [0.6, 0.2, 0.8], [0, 0.9, 0.3]])
    found = ranking.from_texts(similarity, LABELS, np.array([4, 8, 9]))
    assert found.ranks.tolist() == [1, 1, 1, 2, 2, 2]
    assert found.weights.tolist() == pytest.approx([1 / 3] * 3 + [1 / 2] * 2 + [1])
    figures = ranking.figures(ranking.FROM_TEXT, found)
    assert figures["text_to_sign/ret1"] == pytest.approx(1 / 3)
    assert figures["text_to_sign/mrr"] == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert figures["text_to_sign/median_rank"] == 2


@pytest.mark.parametrize("stem", ranking.TITLES)
def test_figures_are_the_quotients_of_the_ratios(stem):
    known = np.unique(LABELS)
    search = ranking.from_texts if stem == ranking.FROM_TEXT else ranking.to_labels
    found = search(similarities(3), LABELS, known)
    figures = ranking.figures(stem, found)
    ratios = ranking.ratios(stem, found)
    assert set(figures) == {*ratios, ranking.median(stem)}
    for name, (numerator, denominator) in ratios.items():
        assert figures[name] == pytest.approx(numerator.sum() / denominator.sum())


def test_names_of_metrics():
    assert [ranking.recall(stem, 5) for stem in ranking.TITLES] == [
        "ret5", "inst5", "text_to_sign/ret5", "within/ret5", "across/ret5",
    ]  # fmt: skip
    assert ranking.median(ranking.TO_TEXT) == "inst_median_rank"


@pytest.mark.parametrize("search", [ranking.from_texts, ranking.to_labels])
def test_chance_is_what_random_similarities_reach(search):
    known = np.unique(LABELS)
    expected = ranking.chance("", search(similarities(3), LABELS, known))
    drawn = [ranking.figures("", search(similarities(3), LABELS, known)) for _ in range(3000)]
    for name in ("ret1", "ret5", "mrr"):
        assert np.mean([figures[name] for figures in drawn]) == pytest.approx(expected[name], abs=0.02)


def test_chance_of_one_right_sentence_of_many():
    labels = np.arange(120)
    found = ranking.chance("", ranking.to_labels(np.eye(120), labels, labels))
    assert found["ret1"] == pytest.approx(1 / 120)
    assert found["ret10"] == pytest.approx(10 / 120)
    assert found["mrr"] == pytest.approx(np.mean(1 / np.arange(1, 121)))
    assert found["median_rank"] == 60.5
