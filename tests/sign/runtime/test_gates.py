import numpy as np
import pytest

from kinetrace.sign.runtime.gates import GATES, LOWEST, Signals, Thresholds, passed, reason, signals
from kinetrace.sign.runtime.search import Scores

LEAST = Thresholds(motion=0.01, similarity=0.6, margin=0.1, agreement=0.0)
GOOD = {"motion": 0.3, "similarity": 0.8, "margin": 0.2, "agreement": 0.2}


def scored(clip, prototype, fused) -> Scores:
    """Scores of one query; texts do not matter here."""
    rows = [np.array([values], float) for values in (clip, prototype, fused)]
    return Scores(rows[0], rows[1], np.zeros_like(rows[0]), rows[2])


def test_signals_by_hand():
    found = signals(scored([0.9, 0.7, 0.1], [0.8, 0.6, 0.2], [0.85, 0.65, 0.15]), np.array([0.3]))
    np.testing.assert_allclose(found.matrix(), [[0.3, 0.85, 0.2, 0.2]])


def test_agreement_is_negative_where_another_prototype_is_nearer_than_that_of_the_nearest_clip():
    found = signals(scored([0.9, 0.7], [0.5, 0.8], [0.7, 0.75]), np.zeros(1))
    assert found.agreement[0] == pytest.approx(-0.3)


def test_the_margin_is_between_sentences_so_that_equal_best_sentences_have_none():
    assert signals(scored([0.9, 0.9], [0.9, 0.9], [0.9, 0.9]), np.zeros(1)).margin[0] == 0


def test_a_single_sentence_leads_the_lowest_cosine():
    alone = signals(scored([0.5], [0.4], [0.45]), np.zeros(1))
    assert alone.margin[0] == pytest.approx(0.45 - LOWEST) and alone.agreement[0] == pytest.approx(0.4 - LOWEST)


def test_no_candidate_at_all_passes_nothing():
    none = np.full((1, 2), -np.inf)
    found = signals(Scores(none, none, none, none), np.ones(1))
    assert found.similarity[0] == LOWEST and found.margin[0] == 0
    assert passed(found, LEAST).tolist() == [[True, False, False, True]]


@pytest.mark.parametrize("gate", GATES)
def test_each_gate_refuses_alone_and_names_itself(gate):
    words = {
        "motion": "hardly any motion: 0.001 a frame, expected at least 0.01",
        "similarity": "like no known sentence: similarity -0.50, expected at least 0.60",
        "margin": "two sentences fit about equally well: -0.50 apart, expected at least 0.10",
        "agreement": "leads by -0.50, expected at least 0.00",
    }
    values = GOOD | {gate: 0.001 if gate == "motion" else -0.5}
    found = Signals(**{name: np.array([value]) for name, value in values.items()})
    assert passed(found, LEAST)[0].tolist() == [name != gate for name in GATES]
    assert words[gate] in str(reason(found.matrix()[0], LEAST))


def test_the_first_closed_gate_gives_the_reason():
    assert "hardly any motion" in str(reason(np.zeros(4), LEAST))
    assert "like no known sentence" in str(reason(np.array([1, 0, 0, 0]), LEAST))


def test_an_answer_that_passes_has_no_reason_also_on_the_thresholds_themselves():
    assert reason(np.array(list(GOOD.values())), LEAST) is None
    assert reason(LEAST.array(), LEAST) is None


def test_what_is_not_a_number_passes_nothing():
    broken = np.full(4, np.nan)
    assert reason(broken, LEAST) is not None
    assert not passed(Signals(*broken[:, None]), LEAST).any()
