"""Few labels: a training that begins with pretrained weights against the same training from scratch.

Real clips of a workspace, after `make real` for instance. One pretraining sees every training clip, not its sentence;
each seed then draws other labelled clips of each sentence, and trains alike with and without. By name only: it is long.

python -m bench pretraining
python -m bench.pretraining [--workspace build/real] [--seeds 3] [--clips 2] [--epochs 20] [--judge val|test]
"""

import argparse
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from bench.data import ROOT
from kinetrace import files, params
from kinetrace.metrics import retrieval
from kinetrace.shards import Shards
from kinetrace.sign.evaluate import ranking, scores, splits
from kinetrace.sign.params import SignParams
from kinetrace.sign.train import pretrained
from kinetrace.sign.train.pretrain import Pretraining
from kinetrace.sign.train.trainer import Trainer
from kinetrace.workspace import Workspace

AVERAGING = 0.95  # of the weights, by step: with so few steps an epoch, more would still hold the first ones
Weights = dict[str, torch.Tensor]


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench pretraining")
    parser.add_argument("--workspace", type=Path, default=ROOT / "build" / "real", help="whose clips and parameters")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--clips", type=int, default=2, help="labelled clips a sentence")
    parser.add_argument("--epochs", type=int, default=20, help="of each training with labels")
    parser.add_argument("--pretraining", type=int, default=20, help="epochs without labels")
    parser.add_argument("--judge", choices=("val", "test"), default="test", help="the split that is judged")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def main() -> None:
    """Print each figure's mean and spread over the seeds, with and without."""
    asked = arguments()
    folders = Workspace(asked.workspace).of("sign")
    if not folders.shards.is_dir():
        print(f"skipped: {folders.shards} is not here; run make real")
        return
    torch.set_num_threads(asked.threads)
    given = params.load(folders.workspace.params, "sign", SignParams)
    every, stats = Shards.open(folders.shards), files.read_npz(folders.stats_npz)
    start = weights(changed(given, "pretrain", epochs=asked.pretraining), every.subset("train"))
    given = changed(given, "train", epochs=asked.epochs, averaging=AVERAGING)
    found: dict[str, list[dict[str, float]]] = {"from scratch": [], "pretrained": []}
    for seed in range(asked.seeds):
        shards = labelled(every, asked.clips, seed, asked.judge)
        for name, first in (("from scratch", {}), ("pretrained", start)):
            figures = judged(changed(given, "train", seed=seed), shards, stats, first)
            words = ", ".join(f"{figure} {value:.3f}" for figure, value in figures.items())
            print(f"  seed {seed}, {name}: {words}", flush=True)
            found[name].append(figures)
    show(found, f"{asked.clips} labelled clips a sentence, {asked.epochs} epochs, judged on {asked.judge}")


def changed(given: SignParams, section: str, **changes: Any) -> SignParams:
    """``given`` with other values in one section."""
    return given.model_copy(update={section: getattr(given, section).model_copy(update=changes)})


def weights(given: SignParams, clips: Shards) -> Weights:
    """Of a pretraining on ``clips``, whose sentences it does not see."""
    with tempfile.TemporaryDirectory() as name:
        learner = Pretraining(given, clips, Path(name) / "state.pt")
        last = learner.fit()[-1]
        print(f"  pretrained on {len(clips)} clips: masked {last['masked']:.3f}, dual {last['dual']:.3f}", flush=True)
        return pretrained.shared(learner.model.state_dict())


def labelled(every: Shards, clips: int, seed: int, judge: str) -> Shards:
    """``clips`` of each sentence to train on, and those of the split ``judge`` as the test."""
    table = every.clips
    drawn = table[table.split == "train"].groupby("label_id").sample(clips, random_state=seed)
    test = table[table.split == judge].assign(split="test")
    return Shards(every.folder, pd.concat([drawn, test], ignore_index=True))


def judged(
    given: SignParams, shards: Shards, stats: dict[str, Any], start: Mapping[str, torch.Tensor]
) -> dict[str, float]:
    """The figures of one training, after its last epoch."""
    with tempfile.TemporaryDirectory() as name:
        trainer = Trainer(given, shards, stats, Path(name) / "state.pt", start)
        trainer.fit(lambda epoch, row: None)
    found = scores.score(splits.encode(trainer.checkpoint(), shards, given))
    errors, words = scores.ratios(found)["wer"]
    ranks = {"Ret@1": ranking.GALLERY, "Inst@1": ranking.TO_TEXT}
    recalls = {title: retrieval.recall_at(found.rankings[stem].ranks, 1) for title, stem in ranks.items()}
    return recalls | {"WER": float(errors.sum() / words.sum())}


def show(found: Mapping[str, list[dict[str, float]]], title: str) -> None:
    """A line a figure: mean, least and most over the seeds."""
    print(title)
    for figure in found["pretrained"][0]:
        values = {name: np.array([seed[figure] for seed in seeds]) for name, seeds in found.items()}
        spread = [f"{name} {x.mean():.3f} ({x.min():.3f} to {x.max():.3f})" for name, x in values.items()]
        gain = values["pretrained"] - values["from scratch"]
        print(f"{figure:<7} {'; '.join(spread)}; gain {gain.mean():+.3f} ({gain.min():+.3f} to {gain.max():+.3f})")


if __name__ == "__main__":
    main()
