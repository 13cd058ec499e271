from dataclasses import asdict

import numpy as np
import pytest

from kinetrace.metrics.calibration import risk_coverage
from kinetrace.sign.params import RefusalParams
from kinetrace.sign.runtime import calibrate as calibrating
from kinetrace.sign.runtime.calibrate import PUBLISHED, SHUT, Part, calibrate, mixed
from kinetrace.sign.runtime.gates import passed
from kinetrace.sign.runtime.search import Scores

STILL = 1e-3
SENTENCES = 5


def params(**changes) -> RefusalParams:
    free = dict.fromkeys(("motion", "similarity", "margin", "agreement", "temperature"))
    return RefusalParams.model_validate(
        {"precision": 0.98, "outside": 0.5, "views": 0, "stand_ins": 1} | free | changes
    )


def part(kind: str, count: int, level: float, known: bool, wrong: float = 0.0, motion: float = 0.3) -> Part:
    """Clips whose right sentence scores about ``level`` and the others about 0.3; a share of them is ``wrong``."""
    generator = np.random.default_rng([count, int(1000 * level)])
    right = generator.integers(SENTENCES, size=count)
    fused = generator.normal(0.3, 0.05, (count, SENTENCES))
    fused[np.arange(count), right] = generator.normal(level, 0.05, count)
    said = np.where(generator.random(count) < wrong, (right + 1) % SENTENCES, right)
    scores = Scores(fused, fused, fused, fused)
    return Part.of(kind, scores, motion * generator.uniform(0.5, 2, count), said if known else None)


def world(known: float = 0.85, outside: float = 0.5, **options) -> list[Part]:
    still = part("still", 100, 0.7, False, motion=STILL / 10)
    return [part("known", 400, known, True, **options), part("unknown", 300, outside, False), still]


def accepted(parts: list[Part], found) -> tuple[float, float]:
    """Precision and coverage of the gates over an equal mixture."""
    examples = mixed(parts, 0.5)
    open_ = passed(examples.signals, found.thresholds).all(1)
    mass = examples.weights * open_
    return (mass * examples.correct).sum() / mass.sum(), open_[examples.known].mean()


def test_a_mixture_weighs_inside_and_each_kind_outside_as_asked():
    examples = mixed(world(), 0.4)
    sums = {kind: examples.weights[examples.kind == kind].sum() for kind in ("known", "unknown", "still")}
    assert sums == pytest.approx({"known": 0.6, "unknown": 0.2, "still": 0.2})
    again = mixed([*world(), part("unknown", 50, 0.4, False)], 0.4)  # more of a kind, not more weight
    assert again.weights[again.kind == "unknown"].sum() == pytest.approx(0.2)


def test_the_gates_reach_the_wanted_precision_and_cover_well_separated_input():
    precision, coverage = accepted(world(), calibrate(world(), STILL, params()))
    assert precision >= 0.98 and coverage > 0.97


@pytest.mark.parametrize("wanted", [0.9, 0.95, 0.99])
def test_overlapping_input_costs_coverage_not_precision(wanted):
    parts = world(known=0.7, outside=0.55, wrong=0.02)
    found = calibrate(parts, STILL, params(precision=wanted))
    precision, coverage = accepted(parts, found)
    assert precision >= wanted and 0 < coverage < 0.99


def test_more_precision_never_covers_more():
    parts = world(known=0.7, outside=0.55, wrong=0.02)
    covered = [accepted(parts, calibrate(parts, STILL, params(precision=p)))[1] for p in (0.8, 0.9, 0.95, 0.98)]
    assert covered == sorted(covered, reverse=True) and covered[0] > covered[-1]


def test_no_other_similarity_covers_more():
    parts = world(known=0.7, outside=0.55)
    found = calibrate(parts, STILL, params(margin=-1.0, agreement=-1.0))
    examples = mixed(parts, 0.5)
    moving = examples.signals.motion >= found.thresholds.motion
    curve = risk_coverage(
        examples.signals.similarity[moving], examples.correct[moving], examples.known[moving], examples.weights[moving]
    )
    assert found.thresholds.similarity == curve.at(0.98)[1]


def test_margin_and_agreement_refuse_what_no_right_answer_looked_like():
    examples, found = mixed(world(), 0.5), calibrate(world(), STILL, params()).thresholds
    for gate in ("margin", "agreement"):
        right = getattr(examples.signals, gate)[examples.correct]
        assert right.min() <= getattr(found, gate) <= np.quantile(right, 0.01)


def test_the_motion_gate_lies_between_still_and_moving_clips():
    examples = mixed(world(), 0.5)
    found = calibrate(world(), STILL, params()).thresholds.motion
    least = examples.signals.motion[examples.correct].min()
    assert found == pytest.approx(np.sqrt(STILL * least))
    assert examples.signals.motion[examples.kind == "still"].max() < found < least


def test_where_no_threshold_gives_the_precision_everything_is_refused():
    alike = [part("known", 200, 0.6, True, wrong=0.9), part("unknown", 200, 0.9, False)]
    found = calibrate(alike, STILL, params(precision=1.0))
    assert found.thresholds.similarity == SHUT
    assert not passed(mixed(alike, 0.5).signals, found.thresholds).all(1).any()


@pytest.mark.parametrize("gate", ["motion", "similarity", "margin", "agreement"])
def test_a_fixed_threshold_stays_and_the_others_make_up_for_it(gate):
    value = {"motion": 7.5e-4, "similarity": 0.58, "margin": 0.10, "agreement": 0.05}[gate]
    parts = world(known=0.75, outside=0.5)
    found = calibrate(parts, STILL, params(**{gate: value}))
    assert getattr(found.thresholds, gate) == value
    assert accepted(parts, found)[0] >= 0.98 or gate == "similarity"


def test_all_of_the_published_constants_can_be_kept():
    fixed = {name: value for name, value in asdict(PUBLISHED).items() if name != "agreement"}
    found = calibrate(world(), STILL, params(**fixed, agreement=-2.0, temperature=0.12))
    assert found.thresholds == PUBLISHED and found.confidence.temperature == 0.12


def test_without_a_right_validation_answer_the_published_constants_serve():
    nothing = [part("unknown", 5, 0.5, False)]
    found = calibrate(nothing, STILL, params(similarity=0.7))
    assert not found.calibrated
    assert asdict(found.thresholds) == asdict(PUBLISHED) | {"similarity": 0.7}
    assert found.confidence == calibrating.PUBLISHED_CONFIDENCE
    assert not calibrate([], STILL, params()).calibrated


def test_the_confidence_is_right_as_often_as_it_says():
    parts = world(known=0.65, outside=0.55, wrong=0.05)
    found, examples = calibrate(parts, STILL, params()).confidence, mixed(parts, 0.5)
    sure = found.of(examples.fused).max(1) * (examples.kind != "still")
    said, was = (examples.weights * sure).sum(), (examples.weights * examples.correct).sum()
    assert said == pytest.approx(was, abs=0.03)
    assert np.median(sure[examples.correct]) > 0.7 > 0.4 > np.median(sure[~examples.known])


def test_a_fixed_temperature_stays_and_the_similarity_of_none_is_still_fitted():
    found = calibrate(world(), STILL, params(temperature=0.12)).confidence
    assert found.temperature == 0.12 and 0.4 < found.unknown < 1.2


def test_calibrating_again_gives_the_same():
    assert calibrate(world(), STILL, params()) == calibrate(world(), STILL, params())
