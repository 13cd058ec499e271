import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinetrace.sign.model.beams import BEGIN, END, PAD, Hypothesis, Search, search

WORDS = (3, 4)
PENALTIES = st.sampled_from([-1.0, 0.0, 0.6, 1.0, 2.0])


class Language:
    """A decoder made of a table: what comes next depends on the clip and on all words so far, and on nothing else."""

    def __init__(self, seeds, vocabulary=5, sharpness=1.0, grain=None):
        self.seeds, self.vocabulary, self.sharpness, self.grain = list(seeds), vocabulary, sharpness, grain
        self.texts = [[()] for _ in self.seeds]
        self.calls = 0

    def next(self, seed, text):
        logits = self.sharpness * np.random.default_rng([seed, *text]).normal(size=self.vocabulary)
        logits = np.round(logits * self.grain) / self.grain if self.grain else logits
        return (logits - np.log(np.exp(logits).sum())).astype(np.float32)

    def __call__(self, clips_B, parents_BK, tokens_BK):
        self.calls += 1
        self.seeds = [self.seeds[clip] for clip in clips_B]
        self.texts = [
            [(*self.texts[clip][parent], int(token)) for parent, token in zip(parents, tokens, strict=True)]
            for clip, parents, tokens in zip(clips_B, parents_BK, tokens_BK, strict=True)
        ]
        rows = zip(self.seeds, self.texts, strict=True)
        return np.array([[self.next(seed, text) for text in texts] for seed, texts in rows])

    def log_probability(self, seed, tokens):
        """Of a whole hypothesis, ``END`` included where it has one."""
        texts = ((BEGIN, *tokens[:place]) for place in range(len(tokens)))
        return sum(float(self.next(seed, text)[token]) for text, token in zip(texts, tokens, strict=True))


def sentences(max_tokens, words=WORDS):
    """Everything that may be said: ended, or cut at ``max_tokens``."""
    for length in range(max_tokens):
        for said in itertools.product(words, repeat=length):
            yield (*said, END)
    yield from itertools.product(words, repeat=max_tokens)


def enumerated(language, seed, how):
    """Every hypothesis there is, best first."""
    found = []
    for tokens in sentences(how.max_tokens, range(3, language.vocabulary)):
        log_probability = language.log_probability(seed, tokens)
        ids = tuple(token for token in tokens if token != END)
        found.append(Hypothesis(ids, log_probability, log_probability / len(tokens) ** how.length_penalty))
    return sorted(found, key=lambda one: -one.score)


def greedy(language, seed, max_tokens):
    """One token at a time."""
    said = ()
    while len(said) < max_tokens:
        log = language.next(seed, (BEGIN, *said))
        log[[PAD, BEGIN]] = -np.inf
        token = int(log.argmax())
        if token == END:
            break
        said = (*said, token)
    return said


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=4), st.integers(1, 4), PENALTIES, st.integers(1, 4))
def test_with_a_beam_for_every_hypothesis_the_best_are_found(seeds, max_tokens, penalty, answers):
    how = Search(2 ** (max_tokens + 1), max_tokens, penalty, answers)
    language = Language(seeds)
    for seed, found in zip(seeds, search(Language(seeds), len(seeds), how), strict=True):
        expected = enumerated(language, seed, how)[:answers]
        assert [one.ids for one in found] == [one.ids for one in expected]
        for one, other in zip(found, expected, strict=True):
            assert one.log_probability == pytest.approx(other.log_probability)
            assert one.score == pytest.approx(other.score)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 10**6), max_size=5), st.integers(4, 12), st.integers(1, 9), PENALTIES)
def test_one_beam_is_greedy_whatever_the_penalty(seeds, vocabulary, max_tokens, penalty):
    language = Language(seeds, vocabulary)
    found = search(language, len(seeds), Search(1, max_tokens, penalty))
    assert [best.ids for [best] in found] == [greedy(language, seed, max_tokens) for seed in seeds]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=6), st.integers(1, 5), PENALTIES)
def test_a_batch_gives_what_each_clip_gives_alone(seeds, beams, penalty):
    how = Search(beams, 6, penalty, beams)
    alone = [search(Language([seed], 7), 1, how)[0] for seed in seeds]
    assert search(Language(seeds, 7), len(seeds), how) == alone


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 6), PENALTIES)
def test_every_answer_is_scored_by_its_own_probability(seed, beams, penalty):
    language = Language([seed], 7)
    [found] = search(language, 1, Search(beams, 5, penalty, beams))
    assert 1 <= len(found) <= beams and len({one.ids for one in found}) == len(found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        tokens = (*one.ids, END)[:5]
        assert one.log_probability == pytest.approx(language.log_probability(seed, tokens))
        assert one.score == pytest.approx(one.log_probability / len(tokens) ** penalty)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 5))
def test_ties_are_broken_in_the_same_way_every_time(seed, beams):
    how = Search(beams, 4, 1.0, beams)
    once, again = (search(Language([seed, seed], 6, grain=1), 2, how) for _ in range(2))
    assert once == again and once[0] == once[1]


class Scripted:
    """Probabilities of the next token by the words so far; any other token is nearly impossible."""

    def __init__(self, table):
        self.table, self.texts, self.calls = table, [()], 0

    def __call__(self, clips_B, parents_BK, tokens_BK):
        self.calls += 1
        pairs = zip(parents_BK[0], tokens_BK[0], strict=True)
        self.texts = [(*self.texts[parent], token) for parent, token in pairs]
        found = np.full((1, len(self.texts), 6), 1e-9, np.float32)
        for row, text in zip(found[0], self.texts, strict=True):
            for token, probability in self.table.get(text[1:], {END: 0.5}).items():
                row[token] = probability
        return np.log(found)


def test_what_has_ended_is_not_pushed_out_by_likelier_beginnings():
    """After one word the short sentence ranks second of two; then both places go to longer ones, which die away."""
    table = {(): {3: 0.9, 4: 0.1}, (3,): {3: 0.5, END: 0.3, 4: 0.2}, (3, 3): {3: 0.1, 4: 0.1}, (3, 4): {3: 0.1}}
    [[best]] = search(Scripted(table), 1, Search(2, 8, 0.0))
    assert best.ids == (3,) and best.log_probability == pytest.approx(np.log(0.9 * 0.3))


def test_the_search_stops_once_nothing_can_win():
    script = Scripted({(): {END: 0.9, 3: 0.1}, (3,): {3: 0.9}, (3, 3): {3: 0.9}})
    [[best]] = search(script, 1, Search(4, 30, 0.0))
    assert best.ids == () and script.calls == 1


def test_the_search_goes_on_while_a_longer_one_can_still_win():
    """A certain long sentence: ended ones are worse by token, the running one gains with every word."""
    table = {(3,) * length: {3: 0.8, END: 0.2} for length in range(7)} | {(3,) * 7: {END: 1.0}}
    [[best]] = search(Scripted(table), 1, Search(16, 20, 1.0))
    assert best.ids == (3,) * 7


def test_more_answers_are_worth_more_steps():
    table = {(): {END: 0.9, 3: 0.1}, (3,): {END: 0.6, 4: 0.4}, (3, 4): {END: 1.0}}
    [found] = search(Scripted(table), 1, Search(8, 5, 0.0, answers=3))
    assert [one.ids for one in found] == [(), (3,), (3, 4)]
    np.testing.assert_allclose(np.exp([one.log_probability for one in found]), [0.9, 0.06, 0.04], rtol=1e-5)


def test_a_done_clip_leaves_the_batch_and_the_others_stay_themselves():
    sizes = []

    class Watched(Language):
        def __call__(self, clips_B, parents_BK, tokens_BK):
            sizes.append(len(clips_B))
            return super().__call__(clips_B, parents_BK, tokens_BK)

    search(Watched(range(12), 5, sharpness=3.0), 12, Search(2, 9, 1.0))
    assert sizes[0] == 12 > sizes[-1] > 0
    assert sizes == sorted(sizes, reverse=True)


def test_control_tokens_are_never_said():
    class Leaning(Language):
        def next(self, seed, text):
            log = super().next(seed, text)
            log[[PAD, BEGIN]] = -1e-6
            return log

    for beams in (1, 4):
        for [best] in search(Leaning(range(20)), 20, Search(beams, 5, 1.0)):
            assert set(best.ids) <= set(WORDS)


def test_a_sentence_that_never_ends_is_cut():
    endless = Scripted({(3,) * length: {3: 1.0} for length in range(9)})
    [[best]] = search(endless, 1, Search(3, 6, 1.0))
    assert best.ids == (3,) * 6 and best.score == pytest.approx(0, abs=1e-6)


def test_no_clips_have_no_answers():
    assert search(Language([]), 0, Search(4, 5, 1.0)) == []


def test_what_is_not_a_number_is_said_so():
    with pytest.raises(ValueError, match="not all numbers"):
        search(lambda *_: np.full((1, 1, 5), np.nan), 1, Search(2, 4, 1.0))


def test_a_language_with_nothing_to_say_is_not_searched_for_more():
    mute = Language([0], vocabulary=3)
    [found] = search(mute, 1, Search(4, 30, 1.0, answers=3))
    assert [one.ids for one in found] == [()] and mute.calls == 1
