"""Whether the model knows when it does not know: gates calibrated on validation clips, judged on test clips."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from kinetrace.metrics import bootstrap, figures
from kinetrace.metrics.calibration import Reliability, RiskCoverage, auroc, reliability, risk_coverage
from kinetrace.sign.data.features import motion
from kinetrace.sign.evaluate.outside import stand_ins
from kinetrace.sign.evaluate.splits import Encoded, Splits, texts
from kinetrace.sign.model.batches import Corpus
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.model.inference import BATCH, encode_corpus
from kinetrace.sign.model.network import SignModel
from kinetrace.sign.params import FusionParams, SignEvaluateParams, SignParams
from kinetrace.sign.runtime.calibrate import Calibration, Part, calibrate, mixed
from kinetrace.sign.runtime.gates import GATES, passed
from kinetrace.sign.runtime.search import References, search
from kinetrace.sign.train.augment import augment

BINS = 15
KNOWN, UNKNOWN = "known", "unknown"


@dataclass(frozen=True)
class Judged:
    """``metrics`` by name, and ``content``: what ``metrics.json`` says under ``refusal``; the curves are for pictures.

    ``refusal/precision`` and ``refusal/coverage`` are those of the gates, ``refusal/coverage_at_precision`` that of the
    best threshold of the confidence.
    """

    metrics: dict[str, figures.Figure]
    content: dict[str, Any]
    curve: RiskCoverage
    reliability: Reliability

    def added_to(self, report: dict[str, Any]) -> dict[str, Any]:
        """The content of ``metrics.json`` with this."""
        metrics = {
            name: figure | {"better": figures.better(name), "baselines": {}} for name, figure in self.metrics.items()
        }
        group = {"title": "refusal", "metrics": list(metrics)}
        added = {"metrics": report["metrics"] | metrics, "groups": [*report["groups"], group], "refusal": self.content}
        return report | added


def run(splits: Splits, checkpoint: Checkpoint, params: SignParams) -> Judged:
    """Calibrate on the validation clips of ``splits`` and judge on the test clips."""
    references = references_of(splits.gallery, checkpoint)
    val, _ = asked(splits.val, references, checkpoint.model, params)
    val += views(splits.val.corpus, references, checkpoint.model, params)
    calibration = calibrate(val, params.motion.floor, params.evaluate.refusal)
    test, rows = asked(splits.test, references, checkpoint.model, params)
    return judge(test, rows, calibration, params.evaluate)


def references_of(gallery: Encoded, checkpoint: Checkpoint) -> References:
    """What clips are compared with: those of the gallery, and the texts of their sentences, trained on or not."""
    found = texts(checkpoint, gallery.corpus)
    anchors = dict(zip(found.ids.tolist(), found.anchors, strict=True))
    labels = gallery.labels.tolist()
    own = {label: anchors[same] for label, same in zip(labels, found.of_test.tolist(), strict=True)}
    return References.of(
        gallery.embeddings, gallery.labels, own, dict(zip(labels, gallery.corpus.sentences, strict=True))
    )


def asked(
    split: Encoded, references: References, model: SignModel, params: SignParams
) -> tuple[list[Part], pd.DataFrame]:
    """A split's clips as known sentences and, their own left out, as unknown ones, and stand-ins made from them.

    With them ``label_id`` and ``subject`` of each, or of the clip that it was made from.
    """
    corpus, wanted = split.corpus, params.evaluate
    if not len(corpus):
        return [], pd.DataFrame()
    found = labelled(split.embeddings, moving(corpus), split.labels, references, wanted.fusion)
    known = references.place(split.labels) >= 0
    rows = [_rows(corpus, chosen) for chosen in (known, known, ~known)]
    made = stand_ins(corpus, wanted.refusal.stand_ins, params.motion.floor, wanted.seed)
    for kind, clips in made.items():
        embeddings = encode_corpus(model, clips).embeddings
        found.append(Part.of(kind, search(embeddings, references, wanted.fusion), moving(clips)))
        rows.append(_rows(clips, np.ones(len(clips), bool)))
    return found, pd.concat(rows, ignore_index=True)


def labelled(
    embeddings: np.ndarray, energy: np.ndarray, labels: np.ndarray, references: References, weights: FusionParams
) -> list[Part]:
    """Clips of sentences as three parts: those with references, the same without their own, and those of no reference.

    Args:
        embeddings: ``[N, D]``, normalized.
        energy: ``[N]`` mean motion energy a frame.
        labels: ``[N]`` sentence ids.
        references: what they are compared with.
        weights: of the fusion.
    """
    places, scores = references.place(labels), search(embeddings, references, weights)
    known, foreign = places >= 0, places < 0
    inside = scores.only(known)
    return [
        Part.of(KNOWN, inside, energy[known], places[known]),
        Part.of(UNKNOWN, inside.without(places[known]), energy[known]),
        Part.of(UNKNOWN, scores.only(foreign), energy[foreign]),
    ]


def views(corpus: Corpus, references: References, model: SignModel, params: SignParams) -> list[Part]:
    """Augmented views of clips, for other bodies and other cameras than the fold has."""
    found: list[Part] = []
    energy = moving(corpus) if len(corpus) else np.zeros(0)
    for view in range(params.evaluate.refusal.views if len(corpus) else 0):
        embeddings = np.zeros((len(corpus), model.text.out_features), np.float32)
        for indices in corpus.by_length(BATCH):
            names = [corpus.clip_ids[index] for index in indices]
            with torch.inference_mode():
                changed = augment(*corpus.batch(indices), names, params.augment, params.evaluate.seed, view, view % 2)
                embeddings[indices] = model.encode(*changed).embedding_BD.numpy()
        found += labelled(embeddings, energy, corpus.labels, references, params.evaluate.fusion)
    return found


def moving(corpus: Corpus) -> np.ndarray:
    """``[N]`` mean motion energy a frame of each clip, as recorded."""
    return np.array([motion(corpus.shards.frames(index)).mean() for index in range(len(corpus))])


def _rows(corpus: Corpus, chosen: np.ndarray) -> pd.DataFrame:
    return corpus.shards.clips.loc[chosen, ["label_id", "subject"]]


def judge(parts: Sequence[Part], rows: pd.DataFrame, calibration: Calibration, params: SignEvaluateParams) -> Judged:
    """How well ``calibration`` answers and refuses ``parts``; a row of ``rows`` an input, in their order."""
    wanted, examples = params.refusal, mixed(parts, params.refusal.outside)
    gates = passed(examples.signals, calibration.thresholds)
    accepted, known, weights = gates.all(1), examples.known, examples.weights
    sure = calibration.confidence.of(examples.fused).max(1) * gates[:, 0]  # nothing that does not move is sure
    curve = risk_coverage(sure, examples.correct, known, weights)
    calibrated = reliability(sure, examples.correct, BINS, weights)
    kinds = dict.fromkeys(examples.kind.tolist())

    def share(numerator: np.ndarray, denominator: np.ndarray) -> figures.Figure:
        return figures.bounded(np.stack([numerator, denominator], 1) * 1.0, bootstrap.ratio, rows, params)

    found = {
        "auroc": figures.plain(auroc(sure[known], sure[~known], weights[~known])),
        "precision": share(weights * accepted * examples.correct, weights * accepted),
        "coverage": share(known & accepted, known),
        "coverage_at_precision": figures.plain(curve.at(wanted.precision)[0] if known.any() else np.nan),
        "ece": figures.plain(calibrated.error),
    }
    content = {
        "calibrated": calibration.calibrated,
        "precision": wanted.precision,
        "outside": wanted.outside,
        "thresholds": asdict(calibration.thresholds),
        "confidence": asdict(calibration.confidence),
        "kinds": {kind: _kind(kind == examples.kind, sure, known, gates) for kind in kinds},
    }
    return Judged({f"refusal/{name}": figure for name, figure in found.items()}, content, curve, calibrated)


def _kind(chosen: np.ndarray, sure: np.ndarray, known: np.ndarray, gates: np.ndarray) -> dict[str, Any]:
    """Inputs of one kind: how many, the share accepted, and the share that each gate is the first to refuse."""
    opened = gates[chosen]
    first = np.where(opened.all(1), len(GATES), opened.argmin(1))
    outside = not known[chosen].any()
    return {
        "clips": int(chosen.sum()),
        "accepted": float(opened.all(1).mean()),
        "refused_by": {gate: float((first == index).mean()) for index, gate in enumerate(GATES)},
        "auroc": figures.known(auroc(sure[known], sure[chosen])) if outside else None,
    }
