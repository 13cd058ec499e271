"""The trials behind each table of docs/results.md."""

from collections.abc import Callable, Iterator
from typing import Any

import yaml

from experiments import protocols, steps
from experiments.data import ROOT, prepared
from experiments.trial import Judged, Trial

VARIANTS = ROOT / "experiments" / "variants.yaml"
SHORT = 6  # epochs of a trial among many; the recipe's own where the figure is a bar to hold


def ablation(seeds: int) -> Iterator[Trial]:
    """Each choice on and off, on the new signer."""
    for seed in range(seeds):
        for variant, changes in _variants().items():
            train = {"epochs": SHORT} | changes.get("train", {})
            yield Trial("coffee_orders", ("new_signer",), variant, seed, changes | {"train": train})


def costs(seeds: int) -> Iterator[Trial]:
    """One epoch of each encoder, once: time and memory do not depend on the seed."""
    for variant in ("base", "encoder gru", "encoder transformer"):
        changes = _variants()[variant]
        yield Trial("coffee_orders", ("new_signer",), variant, 0, changes | {"train": {"epochs": 1}})


def unseen(seeds: int) -> Iterator[Trial]:
    """Sentences that training never saw, signed by a signer whom it never saw; the recipe's own epochs."""
    for seed in range(seeds):
        yield Trial("coffee_orders", ("unseen_sentences",), "base", seed)


def fingerspelling(seeds: int) -> Iterator[Trial]:
    """Letters of one language after the other."""
    clips = _clips("fingerspelling")
    latin = clips[clips.label.str.fullmatch(protocols.LATIN)]
    for seed in range(seeds):
        for language in sorted(latin.subject.unique()):
            yield Trial("fingerspelling", ("without_language", str(language)), "base", seed)


def asl6(seeds: int) -> Iterator[Trial]:
    """Six signs, fold after fold."""
    for seed in range(seeds):
        for number in range(protocols.FOLDS):
            yield Trial("asl6", ("fold", number), "base", seed)


Trials = Callable[[int], Iterator[Judged]]  # of as many seeds
SERIES: dict[str, Trials] = {
    "ablation": ablation,
    "costs": costs,
    "unseen": unseen,
    "fingerspelling": fingerspelling,
    "asl6": asl6,
    "steps": steps.trials,
}


def _variants() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(VARIANTS.read_text(encoding="utf-8"))
    return found


def _clips(name: str) -> Any:
    from kinetrace.shards import Shards

    return Shards.open(prepared(name).folders.shards).clips
