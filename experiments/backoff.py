"""Rules of interpolation for the workflow grammar, compared: how much a seldom seen context defers to a shorter one."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np

Rule = Callable[[np.ndarray, np.ndarray], np.ndarray]  # times [K] of what followed, fallback [K] to distribution [K]
Steps = Sequence[int]  # places of labels


def witten_bell(times_K: np.ndarray, fallback_K: np.ndarray) -> np.ndarray:
    """New with the share of kinds among what followed (Witten & Bell 1991, method C): the grammar's own rule."""
    kinds = np.count_nonzero(times_K)
    return np.asarray((times_K + kinds * fallback_K) / (times_K.sum() + kinds))


def discounted(discount: float, times_K: np.ndarray, fallback_K: np.ndarray) -> np.ndarray:
    """``discount`` less of each kind (Ney, Essen & Kneser 1994)."""
    kinds = np.count_nonzero(times_K)
    return np.asarray((np.maximum(times_K - discount, 0) + discount * kinds * fallback_K) / times_K.sum())


def dirichlet(strength: float, times_K: np.ndarray, fallback_K: np.ndarray) -> np.ndarray:
    """``strength`` counts as the shorter context has them (MacKay & Peto 1995)."""
    return np.asarray((times_K + strength * fallback_K) / (times_K.sum() + strength))


RULES: Mapping[str, Rule] = {
    "Witten–Bell": witten_bell,
    **{f"absolute discount {value:g}": partial(discounted, value) for value in (0.25, 0.5, 0.75)},
    **{f"Dirichlet {value:g}": partial(dirichlet, value) for value in (0.3, 1.0, 3.0, 10.0)},
}


def surprises(held: Steps, rest: Sequence[Steps], labels: int, smoothing: float) -> dict[str, np.ndarray]:
    """By rule ``[2, N]``: how surprising, in nats and at either order, the steps after the first of ``held`` are,
    knowing ``rest``."""
    overall_K = np.bincount([step for steps in rest for step in steps], minlength=labels) + smoothing
    found, followers = np.empty((len(RULES), 2, len(held) - 1)), _followers(rest)
    for place in range(1, len(held)):
        chances = dict.fromkeys(RULES, overall_K / overall_K.sum())
        for order in (1, 2):
            times_K = np.zeros(labels)
            context = tuple(held[place - order : place]) if place >= order else None
            for step, times in followers.get(context, {}).items():
                times_K[step] = times
            if times_K.any():
                chances = {name: rule(times_K, chances[name]) for name, rule in RULES.items()}
            found[:, order - 1, place - 1] = [-np.log(chances_K[held[place]]) for chances_K in chances.values()]
    return dict(zip(RULES, found, strict=True))


def _followers(sequences: Sequence[Steps]) -> Mapping[tuple[int, ...] | None, Counter[int]]:
    found: dict[tuple[int, ...] | None, Counter[int]] = defaultdict(Counter)
    for steps in sequences:
        for order in (1, 2):
            for place in range(order, len(steps)):
                found[tuple(steps[place - order : place])][steps[place]] += 1
    return found
