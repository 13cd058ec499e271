"""What a trained model gives on the test clips of a protocol."""

import numpy as np

from kinetrace.shards import Shards
from kinetrace.sign.evaluate import refusal
from kinetrace.sign.evaluate.scores import ratios, score
from kinetrace.sign.evaluate.splits import encode
from kinetrace.sign.model.checkpoint import Checkpoint
from kinetrace.sign.params import SignParams

SAID = ("wer", "exact", "rouge_l")


def figures(checkpoint: Checkpoint, shards: Shards, params: SignParams) -> dict[str, float]:
    """Every ratio that the stage ``evaluate`` reports, and, where there are clips to calibrate on, the refusal's."""
    splits = encode(checkpoint, shards, params)
    found = {name: np.sum(above) / np.sum(below) for name, (above, below) in ratios(score(splits)).items()}
    if not params.loss.generation:  # a decoder that learnt nothing says nothing
        found = {name: value for name, value in found.items() if name not in SAID}
    if len(splits.val):
        judged = refusal.run(splits, checkpoint, params).metrics
        found |= {name: figure["value"] for name, figure in judged.items()}
    return {name: float(value) for name, value in found.items() if value is not None and np.isfinite(value)}
